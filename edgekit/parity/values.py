"""Compares recorded tensors."""

import numpy as np

from edgekit.format.compare import Comparison, compare_elements
from edgekit.format.schema import Tolerance
from edgekit.recording import Value


def form_of(value: Value) -> str:
    return f"{value.elements.dtype} {list(value.shape)}"


def kind_of(value: Value) -> tuple[object, ...]:
    """Values of different kinds are not compared."""
    return value.shape, str(value.elements.dtype), value.elements.size


def compared(mine: Value, other: Value, bounds: Tolerance) -> Comparison:
    whole = mine.elements.size == np.prod(mine.shape)
    shape = mine.shape if whole else mine.elements.shape
    return compare_elements("", mine.elements.reshape(shape), other.elements.reshape(shape), None, bounds)


def error_of(comparison: Comparison) -> float:
    return np.inf if comparison.norm_error is None else comparison.norm_error


def norm_of(value: Value) -> float:
    """The root of the sum of squares; NaN if that says nothing."""
    if not _is_finite(value):
        return np.nan
    with np.errstate(over="ignore"):
        return float(np.linalg.norm(value.elements.astype(np.float64)))


def near(norm: float, other: float, size: int, bounds: Tolerance) -> bool:
    """Whether values of these norms may be equal. This saves most comparisons."""
    return not abs(norm - other) > 2 * (bounds.norm * norm + bounds.absolute * np.sqrt(size))


def varies(value: Value) -> bool:
    return bool((value.elements != value.elements[0]).any())


def _is_finite(value: Value) -> bool:
    return value.elements.size > 0 and bool(np.isfinite(value.elements).all())
