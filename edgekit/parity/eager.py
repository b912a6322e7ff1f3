"""Runs the eager model and the modules made from it under the same conditions."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from edgekit.nested import named_arrays, structure_of
from edgekit.parity.probes import Probe
from edgekit.sources.copies import detached_copy

Array = npt.NDArray[np.generic]

_OF_TORCH = frozenset(vars(nn.Module())) - {"_buffers", "training"}  # attributes that torch keeps for itself


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


class FreshModel:
    """An eager model as it was given: what one run keeps on the module does not reach the next one.

    A layer may keep numbers or tensors that depend on a size, for example a window that a small picture made smaller.
    """

    def __init__(self, given: nn.Module) -> None:
        self._given = given
        self._renew()

    @property
    def module(self) -> nn.Module:
        """A copy of the model, a new one if the last run changed its attributes or buffers."""
        if _kept(self._copy) != self._kept:
            self._renew()
        return self._copy

    def _renew(self) -> None:
        self._copy = detached_copy(self._given)
        self._held = [vars(part).copy() for part in self._copy.modules()]  # so that no other object gets the same id
        self._kept = _kept(self._copy)


def _kept(module: nn.Module) -> list[Any]:
    """What the parts of a module keep beside their parameters; empty for TorchScript, which keeps no Python objects."""
    parts = (part for part in module.modules() if not isinstance(part, torch.jit.ScriptModule))
    return [_plain({key: value for key, value in vars(part).items() if key not in _OF_TORCH}) for part in parts]


def _plain(value: Any) -> Any:
    """A value that is equal as long as an attribute stays the same."""
    if value is None or isinstance(value, int | float | str | bytes):
        return value
    if isinstance(value, dict):
        return [(_plain(key), _plain(item)) for key, item in value.items()]
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, torch.Tensor) and not value.is_inference():
        return (id(value), value._version)
    return id(value)
