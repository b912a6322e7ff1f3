"""What must be known of the source's parameters to name the constants of a package: digests and a few rows, not the values."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from edgekit.errors import first_line
from edgekit.nested import to_array

Array = npt.NDArray[np.generic]

_ROWS = 3  # the number of channels that are compared to find out whether one weight is another one, scaled

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """The shape of a weight with at least two axes, and a few of its channels in float64."""

    shape: tuple[int, ...]
    rows: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """The names of parameters by the digest of their values; the floating-point weights; the shifts of folded BatchNorms.

    `size_bytes` is the size of the whole state dict.
    """

    size_bytes: int
    names: Mapping[str, str] = field(default_factory=dict)
    weights: Mapping[str, Weight] = field(default_factory=dict)
    shifts: Mapping[str, Array] = field(default_factory=dict)


def parameters_of(module: nn.Module, name: str) -> Parameters:
    """The parameters of a module. They are only for people, so an error while they are looked up is only a warning."""
    tensors = [value for value in module.state_dict().values() if isinstance(value, torch.Tensor)]
    size_bytes = sum(value.numel() * value.element_size() for value in tensors)
    try:
        return _described(module, size_bytes)
    except Exception as error:
        warn_without_names(name, error)
        return Parameters(size_bytes=size_bytes)


def warn_without_names(what: str, error: Exception) -> None:
    """Says that the constants of a package have no names, and why."""
    kind, message = type(error).__name__, first_line(error)
    _log.warning("%s: the parameter names of the constants are left out: %s: %s", what, kind, message)


def _described(module: nn.Module, size_bytes: int) -> Parameters:
    # The state dict of a quantized module also holds dtypes.
    tensors = {
        name: value
        for name, value in module.state_dict().items()
        if isinstance(value, torch.Tensor) and value.layout is torch.strided
    }
    state = {name: to_array(value) for name, value in tensors.items()}
    return Parameters(
        size_bytes=size_bytes,
        names={digest(value): name for name, value in reversed(state.items()) if value.size > 1},
        weights={
            name: Weight(shape=value.shape, rows=first_rows(value))
            for name, value in state.items()
            if value.ndim >= 2 and value.size and value.dtype.kind == "f"
        },
        shifts=dict(_batchnorm_shifts(module)),
    )


def digest(value: Array) -> str:
    """What two equal arrays have in common: dtype, shape and a digest of the values."""
    return f"{value.dtype} {value.shape} {sha256(np.ascontiguousarray(value).reshape(-1).data).hexdigest()}"


def first_rows(value: Array) -> Array:
    """A few channels of a weight, evenly spaced, each as a row of float64."""
    chosen = np.linspace(0, len(value) - 1, min(_ROWS, len(value)), dtype=int)
    return value[chosen].astype(np.float64).reshape(len(chosen), -1)


def _batchnorm_shifts(module: nn.Module) -> Iterator[tuple[str, Array]]:
    for name, norm in module.named_modules():
        if (
            isinstance(norm, nn.modules.batchnorm._BatchNorm)
            and norm.running_mean is not None
            and norm.running_var is not None
        ):
            scale = 1.0 if norm.weight is None else norm.weight.detach()
            scale = scale / (norm.running_var + norm.eps).sqrt()
            shift = 0.0 if norm.bias is None else norm.bias.detach()
            yield f"{name}.bias" if name else "bias", to_array(shift - norm.running_mean * scale)
