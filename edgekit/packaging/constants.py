"""Finds the parameter of the source that each constant of a package comes from.

Freezing drops the names. A constant gets the name of the parameter with the same values; or of the convolution weight to
which each of its channels is proportional (BatchNorm's scale was folded in); or of the BatchNorm whose folded shift it is.
"""

import logging
from collections.abc import Iterator
from hashlib import sha256

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from edgekit.errors import first_line
from edgekit.format.archive import Archive
from edgekit.format.pickles import StorageTensor
from edgekit.format.schema import ConstantInfo
from edgekit.nested import to_array

Array = npt.NDArray[np.generic]

_log = logging.getLogger(__name__)

_CLOSE = 1e-5
_ROWS = 3  # the number of channels that are compared to find out whether one weight is another one, scaled


def name_constants(archive: Archive, module: nn.Module) -> tuple[ConstantInfo, ...]:
    """Describes every tensor of a package, in the order of the pickles.

    The names are only for people, so an error while they are looked up is only a warning.
    """
    try:
        return _named(archive, module)
    except Exception as error:
        _log.warning(
            "%s: the parameter names of the constants are left out: %s: %s",
            archive.path.name,
            type(error).__name__,
            first_line(error),
        )
        tensors = archive.tensors()
        return tuple(ConstantInfo(record=t.record, dtype=t.dtype, shape=t.shape) for t in tensors)


def _named(archive: Archive, module: nn.Module) -> tuple[ConstantInfo, ...]:
    # The state dict of a quantized module also holds dtypes.
    tensors = {
        name: value
        for name, value in module.state_dict().items()
        if isinstance(value, torch.Tensor) and value.layout is torch.strided
    }
    state = {name: to_array(value) for name, value in tensors.items()}
    exact = {_key(value): name for name, value in reversed(state.items()) if value.size > 1}
    weights = {name: value for name, value in state.items() if value.ndim >= 2}
    shifts = dict(_batchnorm_shifts(module))
    described = []
    for tensor in archive.tensors():
        value = _read(archive, tensor)
        name = (
            None
            if value is None or value.size < 2
            else exact.get(_key(value)) or _scaled(value, weights) or _shift(value, shifts)
        )
        described.append(ConstantInfo(record=tensor.record, dtype=tensor.dtype, shape=tensor.shape, parameter=name))
    return tuple(described)


def _key(value: Array) -> tuple[str, tuple[int, ...], bytes]:
    return str(value.dtype), value.shape, sha256(np.ascontiguousarray(value).reshape(-1).data).digest()


def _read(archive: Archive, tensor: StorageTensor) -> Array | None:
    """The values of a stored tensor, or None if numpy lacks its dtype."""
    try:
        dtype = np.dtype(tensor.dtype)
    except TypeError:
        return None
    with archive.open(tensor.record) as file:
        flat = np.frombuffer(file.read(), dtype=dtype)[tensor.offset :]
    strides = tuple(stride * dtype.itemsize for stride in tensor.strides)
    return np.lib.stride_tricks.as_strided(flat, tensor.shape, strides)


def _scaled(value: Array, weights: dict[str, Array]) -> str | None:
    if value.ndim < 2 or value.dtype.kind != "f":
        return None
    for name, weight in weights.items():
        if weight.shape == value.shape and _proportional(value, weight):
            return name
    return None


def _proportional(value: Array, weight: Array) -> bool:
    rows = np.linspace(0, len(value) - 1, min(_ROWS, len(value)), dtype=int)
    for row in rows:
        a, b = value[row].astype(np.float64).ravel(), weight[row].astype(np.float64).ravel()
        product = float(np.linalg.norm(a) * np.linalg.norm(b))
        if product == 0.0 or abs(abs(float(a @ b)) / product - 1.0) > _CLOSE:
            return False
    return True


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


def _shift(value: Array, shifts: dict[str, Array]) -> str | None:
    if value.ndim != 1 or value.dtype.kind != "f":
        return None
    for name, shift in shifts.items():
        if shift.shape == value.shape and np.allclose(value, shift, rtol=_CLOSE, atol=_CLOSE):
            return name
    return None
