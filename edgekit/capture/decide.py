"""Capture: trace, script or both, decided by evidence and kept in the manifest.

Trace when every probe agrees with the eager model, script when one does not, hybrid when the whole cannot be scripted.
"""

import logging
from dataclasses import dataclass, replace
from typing import Any

import torch

from edgekit.capture.hybrid import script_parts, script_reason, scripted_functions
from edgekit.capture.trace import TraceWarning, trace
from edgekit.errors import CaptureError, ParityError, UsageError
from edgekit.format.schema import CaptureEvidence, ProbeResult, Tolerance
from edgekit.parity.eager import Reference, References, compare, detached_copy, eager_references, exact_eager, worst
from edgekit.parity.probes import Axes
from edgekit.sources.source import SourceModel

MODES = ("auto", "trace", "script", "hybrid")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturedModel:
    """A ScriptModule that agrees with the eager model on `references`; `free_axes` may have other sizes than the example's."""

    source: SourceModel
    module: torch.jit.ScriptModule
    references: tuple[Reference, ...]
    evidence: CaptureEvidence
    free_axes: Axes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    """One way tried: its module or the error that stopped it, and what each probe said."""

    mode: str
    module: torch.jit.ScriptModule | None
    probes: tuple[ProbeResult, ...] = ()
    warnings: tuple[TraceWarning, ...] = ()
    scripted: tuple[str, ...] = ()
    error: Exception | None = None
    failed: tuple[str, ...] = ()

    @property
    def agrees(self) -> bool:
        return self.module is not None and not self.failed


def capture(source: SourceModel, mode: str, tolerance: Tolerance, allow_mismatch: bool = False) -> CapturedModel:
    """Captures a copy of the model in eval mode.

    Args:
        source: the model and its example inputs.
        mode: auto, trace, script or hybrid.
        tolerance: the bounds within which captured and eager model must agree.
        allow_mismatch: keep a capture that disagrees on some probe, and record it.

    Raises:
        CaptureError: no way of capture works, with the line of the source that stops it.
        ParityError: the way asked for gives other answers, with the probe that shows it.
    """
    if mode not in MODES:
        raise UsageError(f"unknown capture mode {mode!r}; expected one of {', '.join(MODES)}.")
    references = eager_references(source)
    if not references.varies and source.inputs:
        _log.warning(
            "%s: the outputs are the same on every probe, so agreement proves little; give a wider range with --input",
            source.name,
        )
    if isinstance(source.module, torch.jit.ScriptModule):
        if mode in ("trace", "hybrid"):
            raise UsageError(
                f"{source.source} is TorchScript already; --mode {mode} does not apply to it. Leave --mode out."
            )
        return _finish(
            source, mode, _judge(source, references, "script", tolerance), references, "is TorchScript already", False
        )
    if mode != "auto":
        return _capture_as(source, mode, references, tolerance, allow_mismatch)
    return _capture_auto(source, references, tolerance, allow_mismatch)


def _capture_as(
    source: SourceModel, mode: str, references: References, tolerance: Tolerance, allow_mismatch: bool
) -> CapturedModel:
    attempt = _judge(source, references, mode, tolerance)
    if attempt.module is None:
        raise CaptureError(_cannot(source, [attempt])) from attempt.error
    if attempt.failed and not _only_sizes(attempt, references) and not allow_mismatch:
        raise ParityError(_disagrees(source, attempt))
    reason = "asked for" if attempt.agrees else _why_kept(attempt, references)
    return _finish(
        source, mode, attempt, references, reason, bool(attempt.failed) and not _only_sizes(attempt, references)
    )


def _capture_auto(
    source: SourceModel, references: References, tolerance: Tolerance, allow_mismatch: bool
) -> CapturedModel:
    attempts: list[_Attempt] = []
    for mode in ("trace", "script", "hybrid"):
        attempt = _judge(source, references, mode, tolerance, attempts[0].warnings if attempts else ())
        attempts.append(attempt)
        if attempt.agrees:
            earlier = [f"{a.mode} {_short(a)}" for a in attempts[:-1]]
            reason = "; ".join([*earlier, f"{mode} agrees on every probe"])
            probes = tuple(probe for a in attempts for probe in a.probes)
            chosen = replace(attempt, probes=probes, warnings=attempts[0].warnings)
            return _finish(source, "auto", chosen, references, reason, False)
    for attempt in attempts:
        if attempt.module is not None and (_only_sizes(attempt, references) or allow_mismatch):
            mismatch = not _only_sizes(attempt, references)
            return _finish(source, "auto", attempt, references, _why_kept(attempt, references), mismatch)
    if all(attempt.module is None for attempt in attempts):
        raise CaptureError(_cannot(source, attempts)) from attempts[-1].error
    raise CaptureError(
        f"{_cannot(source, attempts)} The line to change: "
        f"{'; '.join(str(w) for w in attempts[0].warnings[:3]) or script_reason(attempts[1].error)}"
    ) from attempts[1].error


def _judge(
    source: SourceModel,
    references: References,
    mode: str,
    tolerance: Tolerance,
    warnings: tuple[TraceWarning, ...] = (),
) -> _Attempt:
    """Captures in one mode and compares the result with the eager model on every probe."""
    try:
        attempt = _attempt(source, mode, warnings)
    except CaptureError as error:
        return _Attempt(mode=mode, module=None, error=error)
    results, failed = [], []
    for reference in references.items:
        found = worst(compare(reference, attempt.module, tolerance))
        detail = (
            "" if found.passed else f"{found.output}: {found.reason}, expected {found.expected}, got {found.actual}"
        )
        verdict = (
            "pass"
            if found.passed and (references.varies or not source.inputs)
            else "unproven"
            if found.passed
            else "fail"
        )
        results.append(
            ProbeResult(
                name=reference.probe.name,
                mode=mode,
                verdict=verdict,
                norm_error=_rounded(found.norm_error),
                detail=detail,
            )
        )
        if not found.passed:
            failed.append(reference.probe.name)
    return replace(attempt, probes=tuple(results), failed=tuple(failed))


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.3g}")


def _attempt(source: SourceModel, mode: str, warnings: tuple[TraceWarning, ...]) -> _Attempt:
    if isinstance(source.module, torch.jit.ScriptModule):
        return _Attempt(mode=mode, module=source.module)
    module: Any = detached_copy(source.module)
    example = source.example()
    if mode == "trace":
        traced, seen = trace(module, example)
        return _Attempt(mode=mode, module=traced, warnings=seen)
    if mode == "script":
        with exact_eager():
            try:
                return _Attempt(mode=mode, module=torch.jit.script(module), scripted=("",))
            except Exception as error:  # the compiler raises a dozen types for what it does not support
                raise CaptureError(script_reason(error)) from error
    if not warnings:
        warnings = trace(detached_copy(source.module), example)[1]
    with scripted_functions(warnings) as functions:
        hybrid, scripted = script_parts(module, example)
    return _Attempt(mode=mode, module=hybrid, scripted=(*functions, *scripted))


def _finish(
    source: SourceModel, requested: str, attempt: _Attempt, references: References, reason: str, mismatch: bool
) -> CapturedModel:
    if attempt.module is None:
        raise CaptureError(_cannot(source, [attempt])) from attempt.error
    if attempt.failed:
        _log.warning("%s: %s", source.name, reason)
    refused = tuple(
        ProbeResult(name=name, mode="eager", verdict="refused", detail=why) for name, why in references.refused
    )
    kept = tuple(r for r in references.items if r.probe.name not in attempt.failed)
    blocked = {axis for r in references.items if r.probe.name in attempt.failed for axis in r.probe.axes}
    free = {axis for r in kept for axis in r.probe.axes} - blocked
    return CapturedModel(
        source=source,
        module=attempt.module,
        references=kept,
        free_axes=tuple(sorted(free)),
        evidence=CaptureEvidence(
            requested=requested,
            mode=attempt.mode,
            reason=reason,
            scripted=tuple(name or source.name for name in attempt.scripted),
            mismatch_allowed=mismatch,
            warnings=tuple(str(w) for w in attempt.warnings),
            probes=attempt.probes + refused,
        ),
    )


def _only_sizes(attempt: _Attempt, references: References) -> bool:
    """Whether only probes of other sizes fail: then the sizes are pinned, and every runtime refuses others."""
    sized = {r.probe.name for r in references.items if r.probe.axes}
    return attempt.module is not None and bool(attempt.failed) and set(attempt.failed) <= sized


def _why_kept(attempt: _Attempt, references: References) -> str:
    names = ", ".join(attempt.failed)
    if _only_sizes(attempt, references):
        return f"{attempt.mode} is right for the example's sizes alone (not for {names}): the manifest pins them"
    return f"{attempt.mode} gives other answers on {names}, allowed by --allow-mismatch"


def _short(attempt: _Attempt) -> str:
    if attempt.module is None:
        return f"failed ({str(attempt.error).splitlines()[0]})"
    return f"differs on {', '.join(attempt.failed)}"


def _disagrees(source: SourceModel, attempt: _Attempt) -> str:
    probe = next(p for p in attempt.probes if p.verdict == "fail")
    lines = "".join(f"\n  {warning}" for warning in attempt.warnings[:3])
    return (
        f"{attempt.mode} of {source.source} gives other answers than eager on probe {probe.name!r}: output {probe.detail}."
        f"{lines}\nUse --mode auto, or record the mismatch with --allow-mismatch."
    )


def _cannot(source: SourceModel, attempts: list[_Attempt]) -> str:
    told = "".join(f"\n  {a.mode}: {a.error if a.module is None else _short(a)}" for a in attempts)
    return f"{source.source} cannot be captured:{told}\nRewrite the line named, or put it into a @torch.jit.script function."
