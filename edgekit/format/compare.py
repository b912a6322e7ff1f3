"""Compares outputs with a reference, by the metric of docs/format.md."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgekit.format.golden import GoldenOutput
from edgekit.format.schema import Tolerance

Array = npt.NDArray[np.generic]

ZERO_BELOW = 1e-6  # a reference whose largest element is smaller counts as zero: the absolute error decides


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The verdict on one output. Errors are None if they are undefined; `reason` is None if the output passed."""

    output: str
    passed: bool
    reason: str | None = None
    norm_error: float | None = None
    max_error: float | None = None
    cosine: float | None = None
    top1: bool | None = None
    worst_index: tuple[int, ...] | None = None
    expected: int | float | str | None = None
    actual: int | float | str | None = None


def compare_outputs(
    expected: Mapping[str, Array],
    actual: Mapping[str, Array],
    tolerance: Tolerance,
) -> tuple[Comparison, ...]:
    """Compares the named arrays of two runs: one Comparison for each name that either side has."""
    return tuple(_compare_named(name, value, actual.get(name), None, tolerance) for name, value in expected.items()) + (
        _unexpected(expected, actual)
    )


def compare_golden(
    expected: Sequence[GoldenOutput],
    actual: Mapping[str, Array],
    tolerance: Tolerance,
) -> tuple[Comparison, ...]:
    """Compares the arrays of a run with the outputs of a golden case, which may be sampled."""
    names = {output.name: output for output in expected}
    return tuple(_compare_golden_output(output, actual.get(output.name), tolerance) for output in expected) + (
        _unexpected(names, actual)
    )


def compare_elements(
    name: str, expected: Array, actual: Array, left_out: npt.NDArray[np.bool_] | None, tolerance: Tolerance
) -> Comparison:
    """Compares one output of two runs, without the elements that a flat mask leaves out."""
    if left_out is None or _mismatch(name, str(expected.dtype), expected.shape, actual):
        return _compare_named(name, expected, actual, None, tolerance)
    indices = np.flatnonzero(~left_out)
    sampled = (indices, expected.shape)
    return _compare_named(name, expected.reshape(-1)[indices], actual.reshape(-1)[indices], sampled, tolerance)


def _compare_golden_output(expected: GoldenOutput, actual: Array | None, tolerance: Tolerance) -> Comparison:
    values = np.asarray(expected.values).astype(expected.dtype)
    if expected.indices is None:
        return _compare_named(expected.name, values.reshape(expected.shape), actual, None, tolerance)
    if actual is not None and (mismatch := _mismatch(expected.name, expected.dtype, expected.shape, actual)):
        return mismatch
    indices = np.asarray(expected.indices, dtype=np.int64)
    sample = None if actual is None else actual.reshape(-1)[indices]
    return _compare_named(expected.name, values, sample, (indices, expected.shape), tolerance)


def _unexpected(expected: Mapping[str, object], actual: Mapping[str, Array]) -> tuple[Comparison, ...]:
    return tuple(
        Comparison(output=name, passed=False, reason="unexpected", expected="no such output", actual=_describe(value))
        for name, value in actual.items()
        if name not in expected
    )


def _describe(value: Array) -> str:
    return f"{value.dtype} {list(value.shape)}"


def _mismatch(name: str, dtype: str, shape: tuple[int, ...], actual: Array) -> Comparison | None:
    wanted = f"{dtype} {list(shape)}"
    if str(actual.dtype) != dtype:
        return Comparison(output=name, passed=False, reason="dtype", expected=wanted, actual=_describe(actual))
    if actual.shape != shape:
        return Comparison(output=name, passed=False, reason="shape", expected=wanted, actual=_describe(actual))
    return None


def _compare_named(
    name: str,
    expected: Array,
    actual: Array | None,
    sampled: tuple[npt.NDArray[np.int64], tuple[int, ...]] | None,
    tolerance: Tolerance,
) -> Comparison:
    if actual is None:
        return Comparison(output=name, passed=False, reason="missing", expected=_describe(expected), actual="nothing")
    if mismatch := _mismatch(name, str(expected.dtype), expected.shape, actual):
        return mismatch
    if expected.size == 0:
        return Comparison(output=name, passed=True, norm_error=0.0, max_error=0.0)
    reference = expected.astype(np.float64).reshape(-1)
    value = actual.astype(np.float64).reshape(-1)
    reason, norm_error, max_error, worst = (
        _float_errors(reference, value, tolerance)
        if expected.dtype.kind == "f"
        else _exact_errors(expected.reshape(-1), actual.reshape(-1))
    )
    position, shape = (worst, expected.shape) if sampled is None else (int(sampled[0][worst]), sampled[1])
    return Comparison(
        output=name,
        passed=reason is None,
        reason=reason,
        norm_error=norm_error,
        max_error=max_error,
        cosine=_cosine(reference, value),
        top1=bool(_argmax(reference) == _argmax(value)),
        worst_index=tuple(int(i) for i in np.unravel_index(position, shape)),
        expected=_number(expected.reshape(-1)[worst]),
        actual=_number(actual.reshape(-1)[worst]),
    )


def _number(value: np.generic) -> int | float | str:
    """An element as JSON has it: integers exactly, and a word for what is not finite."""
    if value.dtype.kind != "f":
        return int(value)
    number = float(value)
    return number if np.isfinite(number) else str(number)


Errors = tuple[str | None, float | None, float | None, int]


def _exact_errors(expected: Array, actual: Array) -> Errors:
    different = np.flatnonzero(expected != actual)
    if different.size == 0:
        return None, 0.0, 0.0, 0
    return "exact", None, None, int(different[0])


def _float_errors(expected: npt.NDArray[np.float64], actual: npt.NDArray[np.float64], tolerance: Tolerance) -> Errors:
    finite = np.isfinite(expected) & np.isfinite(actual)
    if not finite.all():
        same = (expected == actual) | (np.isnan(expected) & np.isnan(actual))
        odd = np.flatnonzero(~finite & ~same)
        if odd.size:
            return "nonfinite", None, None, int(odd[0])
    positions = np.flatnonzero(finite)
    if positions.size == 0:
        return None, 0.0, 0.0, 0
    reference = expected[positions]
    difference = np.abs(actual[positions] - reference)
    worst = int(positions[difference.argmax()])
    largest, scale = float(difference.max()), float(np.abs(reference).max())
    if scale < ZERO_BELOW:
        return ("absolute" if largest > tolerance.absolute else None), largest, largest, worst
    # Dividing by the scale first keeps the squares of float64 outputs from overflowing.
    norm_error = float(np.linalg.norm(difference / scale) / np.linalg.norm(reference / scale))
    max_error = largest / scale
    if norm_error > tolerance.norm:
        return "norm", norm_error, max_error, worst
    return ("max" if max_error > tolerance.max else None), norm_error, max_error, worst


def _cosine(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float | None:
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return None
    scale = max(float(np.abs(a).max()), float(np.abs(b).max()))
    if scale == 0.0:
        return None
    product = float(np.linalg.norm(a / scale) * np.linalg.norm(b / scale))
    return float(np.dot(a / scale, b / scale) / product) if product > 0.0 else None


def _argmax(values: npt.NDArray[np.float64]) -> int:
    return int(np.argmax(np.where(np.isnan(values), -np.inf, values)))
