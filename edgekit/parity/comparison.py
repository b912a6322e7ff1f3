"""Compares the eager model's answer to a probe with the answer of another module."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edgekit.format.compare import Comparison, compare_elements, compare_outputs
from edgekit.format.schema import Tolerance
from edgekit.parity.eager import Array, run
from edgekit.parity.layers import Recorder
from edgekit.parity.noise import Noise, NoiseMeter
from edgekit.parity.probes import Probe

_NUMERIC = ("norm", "max", "absolute", "exact", "nonfinite")  # reasons that rounding alone can have


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """The eager model's answer to a probe. Without a meter, no noise is measured, so only the given bounds apply.

    `recorder` runs the eager model again and records its operators.
    """

    probe: Probe
    structure: str
    outputs: dict[str, Array]
    meter: NoiseMeter | None = None
    recorder: Recorder | None = None

    @property
    def measured(self) -> Noise | None:
        """The noise of this answer, if it was measured."""
        return None if self.meter is None else self.meter.measured(self.probe)

    def noise(self) -> Noise | None:
        """The noise of this answer; measures it if it was not measured before."""
        return None if self.meter is None else self.meter.measure(self.probe, self.outputs)

    def chaotic(self, tolerance: Tolerance) -> bool:
        """Whether the answer is known to be decided by rounding, so that it judges nothing."""
        return self.measured is not None and self.measured.chaotic(tolerance)

    def bounds(self, output: str, tolerance: Tolerance) -> Tolerance:
        """The bounds for an output, as far as its noise was measured."""
        noise = None if self.measured is None else self.measured.outputs.get(output)
        return tolerance if noise is None else noise.widened(tolerance)


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
    return compare_answer(reference, structure, outputs, tolerance)


def compare_answer(
    reference: Reference, structure: str, outputs: dict[str, Array], tolerance: Tolerance
) -> tuple[Comparison, ...]:
    """Compares an answer with the eager one.

    Only a comparison that exceeds the given bounds has the noise measured. It is then made again with the wider bounds.
    """
    if structure != reference.structure:
        wanted = reference.structure
        return (Comparison(output="*", passed=False, reason="structure", expected=wanted, actual=structure),)
    found = compare_outputs(reference.outputs, outputs, tolerance)
    if not any(each.reason in _NUMERIC for each in found):
        return found
    noise = reference.noise()
    return found if noise is None else tuple(_again(each, reference, outputs, noise, tolerance) for each in found)


def _again(
    found: Comparison, reference: Reference, outputs: dict[str, Array], noise: Noise, tolerance: Tolerance
) -> Comparison:
    name = found.output
    if found.reason not in _NUMERIC:
        return found
    own = noise.outputs[name]
    return compare_elements(name, reference.outputs[name], outputs[name], own.undecided, own.widened(tolerance))


def worst(comparisons: Sequence[Comparison]) -> Comparison:
    """A failed comparison if there is one, else any; among these, the one with the largest error. No output at all passes."""
    nothing = Comparison(output="*", passed=True, norm_error=0.0, max_error=0.0)
    return max(comparisons, key=lambda c: (not c.passed, c.max_error or 0.0), default=nothing)


def rounded(error: float) -> float:
    """Rounds to three significant digits, so that every run records the same number."""
    return float(f"{error:.3g}")


def describe(found: Comparison, bounds: Tolerance) -> str:
    """A failed comparison in one line, with the figure that failed, its bound, and the option that loosens it."""
    reason = found.reason
    if reason in ("norm", "max", "absolute"):
        error = found.norm_error if reason == "norm" else found.max_error
        reason = f"{reason} error {error:.2g} exceeds {getattr(bounds, reason):.2g} (see --tolerance)"
    return f"output {found.output}: {reason}, expected {found.expected}, got {found.actual}"
