"""The parity gate: decides whether a module gives the same answers as the eager model.

It judges captured modules, every pass, and the server's file, with the metric of docs/format.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from edgekit.errors import ParityError
from edgekit.format.compare import Comparison
from edgekit.format.schema import NOISE_CAP, CaptureEvidence, ProbeResult, Tolerance
from edgekit.parity.comparison import Reference, compare, describe, rounded, worst
from edgekit.parity.departure import departure_note
from edgekit.parity.layers import record_module
from edgekit.parity.noise import FACTOR, LOUD, Noise
from edgekit.parity.probes import Axes

_BATCH = 0  # the axis of the batch

CHAOTIC = "rounding alone decides the answer, so this probe is left out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """How a module compares with the eager model: the references, and the worst output for each.

    References on which the model is chaotic are left out.
    """

    references: tuple[Reference, ...]
    comparisons: tuple[Comparison, ...]
    tolerance: Tolerance

    @property
    def passed(self) -> bool:
        return bool(self.comparisons) and all(found.passed for found in self.comparisons)

    @property
    def failed(self) -> tuple[str, ...]:
        """The names of the probes on which the module gives a different answer."""
        return tuple(r.probe.name for r, found in self._pairs() if not found.passed)

    @property
    def failure(self) -> str:
        """The worst failed comparison in one line."""
        if not self.comparisons:
            return "the model is chaotic on every probe"
        reference, found = self._worst()
        bounds = reference.bounds(found.output, self.tolerance)
        return f"{describe(found, bounds)} on probe {reference.probe.name!r}"

    def departure(self, module: Any) -> str:
        """Where the judged module departs from eager on the probe that `failure` names, as lines that follow it."""
        if not self.comparisons:
            return ""
        return departure_note(self._worst()[0], partial(record_module, module), self.tolerance)

    def _worst(self) -> tuple[Reference, Comparison]:
        found = worst(self.comparisons)
        return self.references[self.comparisons.index(found)], found

    @property
    def norm_error(self) -> float:
        """The largest error on all probes except stress probes, rounded for the manifest."""
        return rounded(max((c.norm_error or 0.0 for r, c in self._pairs() if not r.probe.stress), default=0.0))

    @property
    def max_error(self) -> float:
        return rounded(max((c.max_error or 0.0 for r, c in self._pairs() if not r.probe.stress), default=0.0))

    def _pairs(self) -> Sequence[tuple[Reference, Comparison]]:
        return tuple(zip(self.references, self.comparisons, strict=True))


def judge_capture(
    module: Any, references: Sequence[Reference], tolerance: Tolerance, *, to_the_end: bool = True
) -> Judgement:
    """Judges a captured module. It runs the same operators as the eager model, in the same order.

    Unless `to_the_end`, the first answer that differs ends it.
    """
    kept: list[tuple[Reference, Comparison]] = []
    for reference in references:
        found = worst(compare(reference, module, tolerance))
        if not reference.chaotic(tolerance):
            kept.append((reference, found))
            if not (found.passed or to_the_end):
                break
    return Judgement(
        references=tuple(reference for reference, _ in kept),
        comparisons=tuple(found for _, found in kept),
        tolerance=tolerance,
    )


def judge_optimized(
    module: Any, references: Sequence[Reference], tolerance: Tolerance, *, to_the_end: bool = True
) -> Judgement:
    """Judges an optimized module. It may add numbers in another order than the eager model, so its rounding may differ."""
    finite = [reference for reference in references if judges_rounding(reference)]
    return judge_capture(module, finite, tolerance, to_the_end=to_the_end)


def sharpest(references: Sequence[Reference]) -> tuple[Reference, ...]:
    """The answers that find most wrong modules: the first one, and the first one for each set of resized axes.

    Another batch alone is not among them. It costs several runs, and few modules are wrong there alone.
    """
    first: dict[Axes, Reference] = {}
    for reference in sorted(references, key=lambda r: r.probe.stress):
        first.setdefault(reference.probe.axes, reference)
    return tuple(r for axes, r in first.items() if not axes or any(axis != _BATCH for _, axis in axes))


def measure_noise(
    source: str, references: Sequence[Reference], tolerance: Tolerance, most_cases: int | None = None
) -> tuple[Reference, ...]:
    """Measures the noise of the first answer. The others are measured when a comparison with them needs it.

    If it is near to loud, the second one is measured too. If one of them is loud, or has outputs that jump, every answer that
    becomes a golden case is measured too, since other devices round otherwise.

    Returns:
        The references. With `most_cases`, only so many draws that are not chaotic remain golden cases; the others still judge.

    Raises:
        ParityError: rounding alone decides the answer to every case.
    """
    plain = [r for r in references if not r.probe.stress]
    first: list[Noise] = []
    for reference in plain[:2]:
        if not first or first[0].largest > LOUD / 2 or first[0].undecided:
            first += [noise] if (noise := reference.noise()) is not None else []
    cases = [r for r in references if r.probe.is_case]
    draws = sorted((r for r in cases if not (r.probe.is_sample or r.probe.axes)), key=lambda r: r.probe.stress)
    calm = list(draws)
    steps = any(value.dtype.kind != "f" for r in plain[:1] for value in r.outputs.values())
    if steps or any(noise.largest > LOUD or noise.undecided for noise in first):
        calm = []
        for reference in draws:
            if most_cases is None or len(calm) < most_cases:
                reference.noise()
                calm += [] if reference.chaotic(tolerance) else [reference]
        for reference in cases:
            if reference.probe.is_sample or reference.probe.axes:
                reference.noise()
    if cases and all(r.chaotic(tolerance) for r in cases):
        quietest = min(noise.largest for r in cases if (noise := r.measured) is not None)
        raise ParityError(
            f"{source} is chaotic: on every probe, changes in the last bit of inputs and weights change the answer by at least "
            f"{quietest:.2g} relative, and the largest bound is {NOISE_CAP:g}. No other device would give the same answers. "
            f"Pass inputs of the expected range with --input, or accept it with --tolerance {FACTOR * quietest:.2g}."
        )
    kept = {r.probe.name for r in calm[:most_cases]}
    left = {r.probe.name for r in draws if r.probe.name not in kept} if most_cases is not None else set()
    return tuple(replace(r, probe=replace(r.probe, golden=None)) if r.probe.name in left else r for r in references)


def with_noise(evidence: CaptureEvidence, references: Sequence[Reference], tolerance: Tolerance) -> CaptureEvidence:
    """The evidence with the noise of every answer that was measured. Probes on which the model is chaotic prove nothing."""
    found = {r.probe.name: r for r in references}
    return replace(evidence, probes=tuple(_with_noise(p, found.get(p.name), tolerance) for p in evidence.probes))


def _with_noise(probe: ProbeResult, reference: Reference | None, tolerance: Tolerance) -> ProbeResult:
    if reference is None or reference.measured is None:
        return probe
    noise = rounded(reference.measured.largest)
    if not reference.chaotic(tolerance):
        return replace(probe, noise=noise)
    return replace(probe, verdict="chaotic", noise=noise, detail=CHAOTIC)


def judges_rounding(reference: Reference) -> bool:
    """False for a stress probe on which the eager model overflows: another order of sums may overflow in other elements."""
    finite = all(value.dtype.kind != "f" or np.isfinite(value).all() for value in reference.outputs.values())
    return finite or not reference.probe.stress
