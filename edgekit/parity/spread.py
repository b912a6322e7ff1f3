"""How much an output differs between the probes. Agreement proves little where it hardly differs: a constant would agree too."""

from collections.abc import Sequence

from edgekit.format.compare import compare_elements
from edgekit.format.schema import Tolerance
from edgekit.parity.comparison import Reference
from edgekit.parity.noise import Mask

LEAST = 100.0  # bounds; an output that differs by less is unproven

_STRICT = Tolerance(norm=0.0, max=0.0, absolute=0.0)


def spreads(references: Sequence[Reference], tolerance: Tolerance) -> dict[str, float]:
    """The largest difference of each output between two answers of the example's shape, in units of its bound.

    The golden cases decide if there are at least two of them.
    """
    alike = [r for r in references if not r.probe.axes and r.outputs and not r.chaotic(tolerance)]
    cases = [r for r in alike if r.probe.is_case]
    alike = cases if len(cases) > 1 else alike
    names = dict.fromkeys(name for reference in alike for name in reference.outputs)
    return {name: _spread(name, alike, tolerance) for name in names}


def _spread(name: str, references: Sequence[Reference], tolerance: Tolerance) -> float:
    have = [reference for reference in references if name in reference.outputs]
    if len(have) < len(references):
        return float("inf")  # the structure depends on the data
    return max((_difference(name, have[0], other, tolerance) for other in have[1:]), default=0.0)


def _difference(name: str, first: Reference, other: Reference, tolerance: Tolerance) -> float:
    bounds = [reference.bounds(name, tolerance) for reference in (first, other)]
    found = compare_elements(name, first.outputs[name], other.outputs[name], _undecided(name, first, other), _STRICT)
    if found.passed:
        return 0.0
    if found.norm_error is None or found.max_error is None:  # another shape, an integer, or NaN
        return float("inf")
    if found.reason == "absolute":
        return in_bounds(found.max_error, tolerance.absolute)
    return max(
        in_bounds(found.norm_error, max(b.norm for b in bounds)), in_bounds(found.max_error, max(b.max for b in bounds))
    )


def in_bounds(error: float, bound: float) -> float:
    return error / bound if bound > 0.0 else float("inf")


def _undecided(name: str, *references: Reference) -> Mask | None:
    """The elements that rounding decides in one of the answers."""
    shape = references[0].outputs[name].shape
    masks = [
        noise.outputs[name].undecided
        for reference in references
        if (noise := reference.measured) is not None and reference.outputs[name].shape == shape
    ]
    found = [mask for mask in masks if mask is not None]
    return None if not found else found[0] if len(found) == 1 else found[0] | found[1]
