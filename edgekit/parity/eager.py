"""Runs the eager model and the modules made from it under the same conditions."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from edgekit.nested import named_arrays, structure_of
from edgekit.parity.probes import Probe

Array = npt.NDArray[np.generic]


@contextmanager
def exact_eager() -> Iterator[None]:
    """Turns off gradients, and the fused transformer operators, which would hide the linear layers from XNNPACK."""
    fastpath = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.no_grad():
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fastpath)


@contextmanager
def unspecialized() -> Iterator[None]:
    """TorchScript runs a graph that is new in the block as it is. Otherwise it would compile it again for each size."""
    before = torch.jit.set_fusion_strategy([])
    try:
        yield
    finally:
        torch.jit.set_fusion_strategy(before)


def run(module: Any, probe: Probe) -> tuple[str, dict[str, Array]]:
    """Runs a module on a copy of a probe's inputs. Returns the structure and the named outputs."""
    with exact_eager():
        value = module(*(tensor.clone() for tensor in probe.inputs))
    return structure_of(value), named_arrays(value)
