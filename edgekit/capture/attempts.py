"""Captures a model in one mode and judges the result. The decision is based on these attempts."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch

from edgekit.capture.hybrid import script_parts, scripted_functions
from edgekit.capture.modes import Mode
from edgekit.capture.script import script
from edgekit.capture.trace import TraceWarning, trace
from edgekit.errors import CaptureError
from edgekit.format.schema import ProbeResult, Tolerance
from edgekit.parity.comparison import rounded
from edgekit.parity.gate import Judgement, judge_capture
from edgekit.parity.references import References
from edgekit.sources.adapter import without_defaults
from edgekit.sources.copies import detached_copy
from edgekit.sources.source import SourceModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """The result of one mode: the module or the error, and the result of each probe.

    `failed` lists the probes on which the module differs from the eager model. `only_sizes` is true if there are such
    probes, and all of them have other sizes than the example.
    """

    mode: Mode
    module: torch.jit.ScriptModule | None
    probes: tuple[ProbeResult, ...] = ()
    warnings: tuple[TraceWarning, ...] = ()
    scripted: tuple[str, ...] = ()
    error: Exception | None = None
    failed: tuple[str, ...] = ()
    only_sizes: bool = False

    @property
    def agrees(self) -> bool:
        return self.module is not None and not self.failed


def attempt(
    source: SourceModel,
    references: References,
    mode: Mode,
    tolerance: Tolerance,
    warnings: tuple[TraceWarning, ...] = (),
) -> Attempt:
    """Captures in one mode and judges the result on every probe. `warnings` come from an earlier trace, if there was one."""
    try:
        if isinstance(source.module, torch.jit.ScriptModule):
            captured = Attempt(mode="script", module=source.module)
        else:
            captured = _WAYS[mode](source, warnings)
    except CaptureError as error:
        return Attempt(mode=mode, module=None, error=error)
    judged = judge_capture(captured.module, references.items, tolerance)
    proves = references.varies or not source.inputs
    sized = {reference.probe.name for reference in references.items if reference.probe.axes}
    return replace(
        captured,
        probes=_probe_results(judged, mode, proves),
        failed=judged.failed,
        only_sizes=bool(judged.failed) and set(judged.failed) <= sized,
    )


def _probe_results(judged: Judgement, mode: Mode, proves: bool) -> tuple[ProbeResult, ...]:
    results = []
    for reference, found in zip(judged.references, judged.comparisons, strict=True):
        verdict = "fail" if not found.passed else "pass" if proves else "unproven"
        reason = f"{found.output}: {found.reason}, expected {found.expected}, got {found.actual}"
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


def _trace(source: SourceModel, _: tuple[TraceWarning, ...]) -> Attempt:
    traced, seen = trace(detached_copy(source.module), source.example())
    return Attempt(mode="trace", module=traced, warnings=seen)


def _script(source: SourceModel, _: tuple[TraceWarning, ...]) -> Attempt:
    module = without_defaults(detached_copy(source.module), source.inputs)
    return Attempt(mode="script", module=script(module), scripted=("",))


def _hybrid(source: SourceModel, warnings: tuple[TraceWarning, ...]) -> Attempt:
    module: Any = without_defaults(detached_copy(source.module), source.inputs)
    example = source.example()
    if not warnings:
        warnings = trace(detached_copy(source.module), example)[1]
    with scripted_functions(warnings) as functions:
        hybrid, scripted = script_parts(module, example)
    return Attempt(mode="hybrid", module=hybrid, scripted=(*functions, *scripted))


_WAYS: dict[Mode, Callable[[SourceModel, tuple[TraceWarning, ...]], Attempt]] = {
    "trace": _trace,
    "script": _script,
    "hybrid": _hybrid,
}
