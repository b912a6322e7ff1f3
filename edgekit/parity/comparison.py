"""Compares the eager model's answer to a probe with the answer of another module."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edgekit.format.compare import Comparison, compare_outputs
from edgekit.format.schema import Tolerance
from edgekit.parity.eager import Array, run
from edgekit.parity.probes import Probe


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """The eager model's answer to a probe."""

    probe: Probe
    structure: str
    outputs: dict[str, Array]


def shared_structure(references: Sequence[Reference]) -> str | None:
    """The structure of every answer, or None if it depends on the data."""
    found = {reference.structure for reference in references}
    return found.pop() if len(found) == 1 else None


def compare(reference: Reference, module: Any, tolerance: Tolerance) -> tuple[Comparison, ...]:
    """Compares a module with the eager answer. If the module raises an exception, the comparison fails."""
    try:
        structure, outputs = run(module, reference.probe)
    except Exception as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        return (Comparison(output="*", passed=False, reason="error", expected="outputs", actual=reason[-1]),)
    if structure != reference.structure:
        wanted = reference.structure
        return (Comparison(output="*", passed=False, reason="structure", expected=wanted, actual=structure),)
    return compare_outputs(reference.outputs, outputs, tolerance)


def worst(comparisons: Sequence[Comparison]) -> Comparison:
    """A failed comparison if there is one, else any; among these, the one with the largest error. No output at all passes."""
    nothing = Comparison(output="*", passed=True, norm_error=0.0, max_error=0.0)
    return max(comparisons, key=lambda c: (not c.passed, c.max_error or 0.0), default=nothing)


def rounded(error: float) -> float:
    """Rounds to three significant digits, so that every run records the same number."""
    return float(f"{error:.3g}")


def describe(found: Comparison) -> str:
    """A failed comparison in one line."""
    error = "" if found.norm_error is None else f" {found.norm_error:.2g}"
    return f"output {found.output}: {found.reason}{error}, expected {found.expected}, got {found.actual}"
