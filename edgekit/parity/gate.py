"""The gate: whether a module gives the eager model's answers.

Capture, every pass and the server's file are judged here, by the metric of docs/format.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from edgekit.format.compare import Comparison
from edgekit.format.schema import Tolerance
from edgekit.parity.comparison import Reference, compare, rounded, worst
from edgekit.parity.probes import Probe

_STRESS = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """How a module compares with the eager model: for each reference its name, and its worst output."""

    references: tuple[Reference, ...]
    comparisons: tuple[Comparison, ...]

    @property
    def passed(self) -> bool:
        return all(found.passed for found in self.comparisons)

    @property
    def failed(self) -> tuple[str, ...]:
        """The names of the probes that the module answers otherwise."""
        return tuple(r.probe.name for r, found in self._pairs() if not found.passed)

    @property
    def worst(self) -> Comparison:
        return worst(self.comparisons)

    @property
    def norm_error(self) -> float:
        """The largest error on the probes whose bound is the tolerance itself, for the record."""
        return rounded(max((c.norm_error or 0.0 for r, c in self._pairs() if not r.probe.stress), default=0.0))

    @property
    def max_error(self) -> float:
        return rounded(max((c.max_error or 0.0 for r, c in self._pairs() if not r.probe.stress), default=0.0))

    def _pairs(self) -> Sequence[tuple[Reference, Comparison]]:
        return tuple(zip(self.references, self.comparisons, strict=True))


def judge_capture(module: Any, references: Sequence[Reference], tolerance: Tolerance) -> Judgement:
    """Judges a captured module, which runs the eager model's operators in the eager model's order."""
    found = tuple(worst(compare(reference, module, tolerance)) for reference in references)
    return Judgement(references=tuple(references), comparisons=found)


def judge_optimized(module: Any, references: Sequence[Reference], tolerance: Tolerance) -> Judgement:
    """Judges a module whose sums may run in another order than the eager model's."""
    judged = tuple(reference for reference in references if _judges_rounding(reference))
    found = tuple(worst(compare(r, module, _rounding_bounds(r.probe, tolerance))) for r in judged)
    return Judgement(references=judged, comparisons=found)


def _rounding_bounds(probe: Probe, tolerance: Tolerance) -> Tolerance:
    """The bounds for a module whose sums may run in another order than the eager model's.

    On stress probes rounding can exceed the tolerance in a right module; a wrong one exceeds the wider bounds too.
    """
    if not probe.stress:
        return tolerance
    return replace(
        tolerance,
        norm=_STRESS * tolerance.norm,
        max=_STRESS * tolerance.max,
        absolute=_STRESS * tolerance.absolute,
    )


def _judges_rounding(reference: Reference) -> bool:
    """Whether a pass is judged on this answer: where eager itself overflows, another order of sums may overflow elsewhere."""
    finite = all(value.dtype.kind != "f" or np.isfinite(value).all() for value in reference.outputs.values())
    return finite or not reference.probe.stress
