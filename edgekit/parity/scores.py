"""Whether the answers of a model are scores already, so that another softmax or sigmoid would be wrong."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from edgekit.dispatch import DispatchMode
from edgekit.nested import named_tensors
from edgekit.parity.eager import exact_eager
from edgekit.parity.probes import Probe

Rows = npt.NDArray[np.float32]

_ROUNDING = 1e-5  # of a sum of float32 scores
_SQUASHING = {"sigmoid", "sigmoid_", "hardsigmoid", "hardsigmoid_", "_softmax"}
_KEEPING = {  # what may follow the squashing: these give scores of scores
    *(
        "view",
        "_unsafe_view",
        "reshape",
        "squeeze",
        "unsqueeze",
        "select",
        "slice",
        "expand",
        "permute",
        "transpose",
        "t",
    ),
    *("cat", "stack", "clone", "copy", "_to_copy", "alias", "detach", "clamp", "clamp_min", "clamp_max", "rsub", "sub"),
    *("mean", "add", "mul", "div", "split", "unbind", "index", "index_select", "maximum", "minimum", "max", "amax"),
}


def are_distributions(rows: Iterable[Rows]) -> bool:
    """Whether each row of every array [N, classes] is non-negative and sums to one."""
    return all((row >= 0.0).all() and (abs(row.sum(axis=1, dtype=np.float64) - 1.0) <= _ROUNDING).all() for row in rows)


def are_shares(rows: Iterable[Rows]) -> bool:
    """Whether each element is between 0 and 1. Small logits may be too, so this alone proves nothing."""
    return all(((row >= 0.0) & (row <= 1.0)).all() for row in rows)


def ends_squashed(module: Any, probe: Probe, output: str) -> bool:
    """Whether an output is made of the results of sigmoid or softmax, with no layer after them."""
    with exact_eager(), _Followed() as followed:
        value = module(*(tensor.clone() for tensor in probe.inputs))
    return bool(followed.has(named_tensors(value)[output]))


class _Followed(DispatchMode):
    """Follows the memory of squashed tensors through the operators of a run."""

    def __init__(self) -> None:
        super().__init__()
        self._storages: dict[int, torch.Tensor] = {}  # with the tensors, so that no address is used again

    def has(self, tensor: torch.Tensor) -> bool:
        return tensor.untyped_storage().data_ptr() in self._storages

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        if name in _SQUASHING or (name in _KEEPING and any(map(self.has, _tensors(args)))):
            self._storages |= {tensor.untyped_storage().data_ptr(): tensor for tensor in _tensors(result)}
        return result


def _tensors(value: Any) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    return [tensor for item in value for tensor in _tensors(item)] if isinstance(value, list | tuple) else []
