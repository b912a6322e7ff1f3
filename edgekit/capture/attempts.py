"""Captures a model in one mode and judges the result. The decision is based on these attempts."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch

from edgekit.capture.conversions import Conversion
from edgekit.capture.hybrid import script_parts, scripted_functions
from edgekit.capture.modes import Mode
from edgekit.capture.script import script
from edgekit.capture.sizes import Traceable, traceable
from edgekit.capture.trace import TraceWarning, trace
from edgekit.errors import CaptureError
from edgekit.format.schema import ProbeResult, Proof, Tolerance
from edgekit.parity.comparison import Reference, describe, rounded
from edgekit.parity.eager import unspecialized
from edgekit.parity.gate import CHAOTIC, Judgement, judge_capture, sharpest
from edgekit.parity.probes import resized
from edgekit.parity.ranges import Ranges, narrowed
from edgekit.parity.references import References
from edgekit.sources.adapter import without_defaults
from edgekit.sources.copies import detached_copy
from edgekit.sources.source import SourceModel

IN_THE_FILE = "judged in the saved file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """The result of one mode: the module or the error, and the result of each probe.

    `failed` lists the probes on which the module differs from the eager model. `ranges` are the sizes that remain proved, and
    `pinned` are the axes for which only the size of the example does. `sized_by` are the lines of the model that take a Python
    number from the size of such an axis. `only_sizes` is true if the module agrees on every probe that has the sizes of the
    example, but not on all other sizes. `cut` is true if it keeps a way through the model's code that other sizes would not
    take, so that `ranges` end before; `limits` are the ranges in which that is the way. `references` are its own, if they are
    not those of the model. `unfinished` means that the judgement ended at the first difference, before the ranges were known.
    """

    mode: Mode
    module: torch.jit.ScriptModule | None
    probes: tuple[ProbeResult, ...] = ()
    warnings: tuple[TraceWarning, ...] = ()
    scripted: tuple[str, ...] = ()
    error: Exception | None = None
    failed: tuple[str, ...] = ()
    conversions: tuple[Conversion, ...] = ()
    ranges: Ranges = ()
    limits: Ranges = ()
    pinned: frozenset[tuple[int, int]] = frozenset()
    sized_by: tuple[str, ...] = ()
    only_sizes: bool = False
    cut: bool = False
    references: References | None = None
    unfinished: bool = False

    @property
    def agrees(self) -> bool:
        return self.module is not None and not self.failed and not self.pinned and not self.cut and not self.unfinished

    @property
    def decides(self) -> bool:
        """Whether the capture may have taken a decision while it ran, which holds for some inputs alone."""
        return self.mode == "hybrid" or bool(self.warnings) or bool(self.conversions)


def attempt(
    source: SourceModel,
    references: References,
    mode: Mode,
    tolerance: Tolerance,
    warnings: tuple[TraceWarning, ...] = (),
    *,
    own: bool = False,
    proof: Proof = "full",
    to_the_end: bool = True,
) -> Attempt:
    """Captures in one mode and judges the result.

    Args:
        source: the model.
        references: the model's answers.
        mode: how to capture.
        tolerance: the largest allowed difference.
        warnings: those of an earlier trace, if there was one.
        own: whether other attempts have other references.
        proof: `quick` judges a capture that took no decision on the sharpest probes, and on all if one of them fails. `full`
            judges it on all.
        to_the_end: if false, a capture that took a decision is unfinished after its first difference: see `finished`.
    """
    try:
        captured = _capture(source, mode, source.example(), warnings)
        if not to_the_end and captured.decides:
            return _brief(source, references, captured, tolerance, warnings)
        return replace(
            finished(source, references, captured, tolerance, warnings, proof), references=references if own else None
        )
    except CaptureError as error:
        return Attempt(mode=mode, module=None, error=error)


def finished(
    source: SourceModel,
    references: References,
    captured: Attempt,
    tolerance: Tolerance,
    warnings: tuple[TraceWarning, ...],
    proof: Proof,
) -> Attempt:
    """Judges a capture on all answers, and finds the ranges in which it is right. See `attempt`."""
    with unspecialized():
        judged = _judged(captured, references, tolerance, proof)
    kept = traceable(references.ranges, captured.conversions, partial(_conversions, source, captured.mode, warnings))
    assert kept is not None  # it was searched to the end
    return _with_ranges(source, references, captured, judged, kept)


def _brief(
    source: SourceModel,
    references: References,
    captured: Attempt,
    tolerance: Tolerance,
    warnings: tuple[TraceWarning, ...],
) -> Attempt:
    """The attempt if the capture is right everywhere, else an unfinished one with the first difference."""
    sharp = sharpest(references.items)
    names = {reference.probe.name for reference in sharp}
    others = [each for each in (*references.items, *references.sizes) if each.probe.name not in names]
    with unspecialized():
        judged = judge_capture(captured.module, (*sharp, *others), tolerance, to_the_end=False)
    kept = None
    if judged.passed:
        taken = partial(_conversions, source, captured.mode, warnings)
        kept = traceable(references.ranges, captured.conversions, taken, to_the_end=False)
    if kept is not None:
        return _with_ranges(source, references, captured, judged, kept)
    proves = references.varies or not source.inputs
    return replace(
        captured, probes=_probe_results(judged, captured.mode, proves), failed=judged.failed, unfinished=True
    )


def _with_ranges(
    source: SourceModel, references: References, captured: Attempt, judged: Judgement, kept: Traceable
) -> Attempt:
    """The attempt with what the judgement and the way of the trace leave of the model's ranges."""
    tolerance, mode = judged.tolerance, captured.mode
    proves = references.varies or not source.inputs
    answers = (*references.items, *references.sizes)
    sized = {r.probe.name: r.probe for r in answers if r.probe.axes and not r.chaotic(tolerance)}
    good = [probe for name, probe in sized.items() if name not in judged.failed]
    bad = [probe for name, probe in sized.items() if name in judged.failed]
    ranges = narrowed(kept.ranges, good=good, bad=bad)
    pinned = _axes(references.ranges) - _axes(ranges)
    return replace(
        captured,
        probes=(
            *_probe_results(judged, mode, proves),
            *_later_results(judged, answers, mode, proves),
            *_chaotic_results(references, mode, tolerance),
        ),
        failed=judged.failed,
        ranges=ranges,
        limits=kept.ranges,
        pinned=pinned,
        sized_by=kept.lines,
        only_sizes=(bool(pinned) or kept.cut or bool(judged.failed)) and set(judged.failed) <= sized.keys(),
        cut=kept.cut,
    )


def _judged(captured: Attempt, references: References, tolerance: Tolerance, proof: Proof) -> Judgement:
    """The judgement on all answers, or on the sharpest ones if they suffice: the saved file is judged on all of them.

    They suffice for a capture that took no decision while it ran, so that it has one way for every input.
    """
    if proof == "quick" and not captured.decides:
        judged = judge_capture(captured.module, sharpest(references.items[1:]), tolerance)  # the first one was traced
        if judged.passed:
            return judged
    return judge_capture(captured.module, (*references.items, *references.sizes), tolerance)


def _axes(ranges: Ranges) -> frozenset[tuple[int, int]]:
    return frozenset(axis for each in ranges for axis in each.axes)


def _capture(
    source: SourceModel, mode: Mode, example: tuple[torch.Tensor, ...], warnings: tuple[TraceWarning, ...]
) -> Attempt:
    if isinstance(source.module, torch.jit.ScriptModule):
        return Attempt(mode="script", module=source.module)
    return _WAYS[mode](source, example, warnings)


def _conversions(
    source: SourceModel, mode: Mode, warnings: tuple[TraceWarning, ...], sizes: Mapping[tuple[int, int], int]
) -> Sequence[Conversion]:
    """The conversions of a capture at other sizes; none if the tracer refuses them, so that nothing is proved there."""
    try:
        return _capture(source, mode, resized(source, sizes).inputs, warnings).conversions
    except CaptureError:
        return ()


def _probe_results(judged: Judgement, mode: Mode, proves: bool) -> tuple[ProbeResult, ...]:
    results = []
    for reference, found in zip(judged.references, judged.comparisons, strict=True):
        verdict = "fail" if not found.passed else "pass" if proves else "unproven"
        reason = describe(found, reference.bounds(found.output, judged.tolerance)).removeprefix("output ")
        error = None if found.norm_error is None else rounded(found.norm_error)
        results.append(
            ProbeResult(
                name=reference.probe.name,
                mode=mode,
                verdict=verdict,
                norm_error=error,
                detail="" if found.passed else reason,
            )
        )
    return tuple(results)


def _later_results(judged: Judgement, answers: Sequence[Reference], mode: Mode, proves: bool) -> Iterator[ProbeResult]:
    """The probes that judge the saved file alone. The manifest is kept only if the file agrees on all of them."""
    names = {reference.probe.name for reference in judged.references}
    for reference in answers:
        if reference.probe.name not in names and not reference.chaotic(judged.tolerance):
            verdict = "pass" if proves else "unproven"
            yield ProbeResult(name=reference.probe.name, mode=mode, verdict=verdict, detail=IN_THE_FILE)


def _chaotic_results(references: References, mode: Mode, tolerance: Tolerance) -> Iterator[ProbeResult]:
    for reference in (*references.items, *references.sizes):
        if reference.chaotic(tolerance) and (noise := reference.measured) is not None:
            name, error = reference.probe.name, rounded(noise.largest)
            yield ProbeResult(name=name, mode=mode, verdict="chaotic", detail=CHAOTIC, noise=error)


def _trace(source: SourceModel, example: tuple[torch.Tensor, ...], _: tuple[TraceWarning, ...]) -> Attempt:
    traced = trace(detached_copy(source.module), example)
    return Attempt(mode="trace", module=traced.module, warnings=traced.warnings, conversions=traced.conversions)


def _script(source: SourceModel, _: tuple[torch.Tensor, ...], __: tuple[TraceWarning, ...]) -> Attempt:
    module = without_defaults(detached_copy(source.module), source.inputs)
    return Attempt(mode="script", module=script(module), scripted=("",))


def _hybrid(source: SourceModel, example: tuple[torch.Tensor, ...], warnings: tuple[TraceWarning, ...]) -> Attempt:
    module: Any = without_defaults(detached_copy(source.module), source.inputs)
    if not warnings:
        warnings = trace(detached_copy(source.module), example).warnings
    with scripted_functions(warnings) as functions:
        hybrid, parts = script_parts(module, example)
    return Attempt(
        mode="hybrid",
        module=hybrid,
        scripted=(*functions, *parts.scripted),
        conversions=tuple(parts.conversions),
    )


_WAYS: dict[Mode, Callable[[SourceModel, tuple[torch.Tensor, ...], tuple[TraceWarning, ...]], Attempt]] = {
    "trace": _trace,
    "script": _script,
    "hybrid": _hybrid,
}
