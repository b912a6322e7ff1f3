"""Finds the parameter of the source that each constant of a package comes from.

Freezing drops the names. A constant gets the name of the parameter with the same values; or of the convolution weight to
which each of its channels is proportional (BatchNorm's scale was folded in); or of the BatchNorm whose folded shift it is.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from edgekit.capture.parameters import Parameters, digest, first_rows, warn_without_names
from edgekit.format.archive import Archive
from edgekit.format.pickles import StorageTensor
from edgekit.format.schema import ConstantInfo

Array = npt.NDArray[np.generic]

_CLOSE = 1e-5


def name_constants(archive: Archive, parameters: Parameters) -> tuple[ConstantInfo, ...]:
    """Describes every tensor of a package, in the order of the pickles.

    The names are only for people, so an error while they are looked up is only a warning.
    """
    try:
        return _named(archive, parameters)
    except Exception as error:
        warn_without_names(archive.path.name, error)
        tensors = archive.tensors()
        return tuple(ConstantInfo(record=t.record, dtype=t.dtype, shape=t.shape) for t in tensors)


def _named(archive: Archive, parameters: Parameters) -> tuple[ConstantInfo, ...]:
    described = []
    for tensor in archive.tensors():
        value = _read(archive, tensor)
        name = None if value is None or value.size < 2 else _name(value, parameters)
        described.append(ConstantInfo(record=tensor.record, dtype=tensor.dtype, shape=tensor.shape, parameter=name))
    return tuple(described)


def _name(value: Array, parameters: Parameters) -> str | None:
    return parameters.names.get(digest(value)) or _scaled(value, parameters) or _shift(value, parameters.shifts)


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


def _scaled(value: Array, parameters: Parameters) -> str | None:
    if value.ndim < 2 or value.dtype.kind != "f":
        return None
    rows = first_rows(value)
    for name, weight in parameters.weights.items():
        if weight.shape == value.shape and _proportional(rows, weight.rows):
            return name
    return None


def _proportional(values: Array, weights: Array) -> bool:
    for a, b in zip(values, weights, strict=True):
        product = float(np.linalg.norm(a) * np.linalg.norm(b))
        if product == 0.0 or abs(abs(float(a @ b)) / product - 1.0) > _CLOSE:
            return False
    return True


def _shift(value: Array, shifts: Mapping[str, Array]) -> str | None:
    if value.ndim != 1 or value.dtype.kind != "f":
        return None
    for name, shift in shifts.items():
        if shift.shape == value.shape and np.allclose(value, shift, rtol=_CLOSE, atol=_CLOSE):
            return name
    return None
