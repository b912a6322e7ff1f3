"""The parity gate: decides whether a module gives the same answers as the eager model.

It judges captured modules, every pass, and the server's file, with the metric of docs/format.md.
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
    """How a module compares with the eager model: the references, and the worst output for each."""

    references: tuple[Reference, ...]
    comparisons: tuple[Comparison, ...]

    @property
    def passed(self) -> bool:
        return all(found.passed for found in self.comparisons)

    @property
    def failed(self) -> tuple[str, ...]:
        """The names of the probes on which the module gives a different answer."""
        return tuple(r.probe.name for r, found in self._pairs() if not found.passed)

    @property
    def worst(self) -> Comparison:
        return worst(self.comparisons)

    @property
    def norm_error(self) -> float:
        """The largest error on all probes except stress probes, rounded for the manifest."""
        return rounded(max((c.norm_error or 0.0 for r, c in self._pairs() if not r.probe.stress), default=0.0))

    @property
    def max_error(self) -> float:
        return rounded(max((c.max_error or 0.0 for r, c in self._pairs() if not r.probe.stress), default=0.0))

    def _pairs(self) -> Sequence[tuple[Reference, Comparison]]:
        return tuple(zip(self.references, self.comparisons, strict=True))


def judge_capture(module: Any, references: Sequence[Reference], tolerance: Tolerance) -> Judgement:
    """Judges a captured module. It runs the same operators as the eager model, in the same order."""
    found = tuple(worst(compare(reference, module, tolerance)) for reference in references)
    return Judgement(references=tuple(references), comparisons=found)


def judge_optimized(module: Any, references: Sequence[Reference], tolerance: Tolerance) -> Judgement:
    """Judges an optimized module. It may add numbers in another order than the eager model, so its rounding may differ."""
    judged = tuple(reference for reference in references if _judges_rounding(reference))
    found = tuple(worst(compare(r, module, _rounding_bounds(r.probe, tolerance))) for r in judged)
    return Judgement(references=judged, comparisons=found)


def _rounding_bounds(probe: Probe, tolerance: Tolerance) -> Tolerance:
    """The bounds for an optimized module on a probe.

    On stress probes, rounding alone can exceed the tolerance, so their bounds are wider. A wrong module exceeds these too.
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
    """False for a stress probe on which the eager model overflows: another order of sums may overflow in other elements."""
    finite = all(value.dtype.kind != "f" or np.isfinite(value).all() for value in reference.outputs.values())
    return finite or not reference.probe.stress
