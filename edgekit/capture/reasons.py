"""Says why a capture was taken, or why there is none."""

from collections.abc import Mapping, Sequence

from edgekit.capture.attempts import Attempt
from edgekit.capture.modes import RequestedMode
from edgekit.capture.remedies import capture_remedy
from edgekit.capture.script import script_reason
from edgekit.errors import CaptureError, ParityError

_LISTED = 3


def why_chosen(requested: RequestedMode, tried: list[Attempt], refused: Mapping[str, str]) -> str:
    """Why the last attempt is taken. `refused` are the modes that did not survive to the saved file, with the reason."""
    if requested != "auto":
        return "asked for"
    if tried[0].mode == "script":  # `auto` traces first, unless the source is TorchScript
        return "the source is TorchScript"
    return "; ".join(
        [
            *(f"{a.mode} {refused.get(a.mode) or _short(a)}" for a in tried[:-1]),
            f"{tried[-1].mode} agrees on every probe",
        ]
    )


def why_kept(kept: Attempt) -> str:
    """Why an attempt is taken although it does not agree everywhere."""
    names = _first(kept.failed)
    if kept.only_sizes or kept.agrees:
        others = f"not for {names or 'those that were tried first'}"
        why = f"it {_sized(kept)}" if kept.sized_by else others
        if kept.pinned:
            return f"{kept.mode} is right only for the example's sizes ({why}): the manifest pins them"
        return f"{kept.mode} is right only for some sizes ({why}): the manifest has their range"
    return f"{kept.mode} gives different answers on {names}, allowed by --allow-mismatch"


def _short(tried: Attempt) -> str:
    if tried.module is None:
        return f"failed ({str(tried.error).splitlines()[0]})"
    return f"differs on {_first(tried.failed)}" if tried.failed else _sized(tried)


def _first(names: Sequence[str]) -> str:
    """A list of names that is not longer than a line of a terminal."""
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more


def _sized(tried: Attempt) -> str:
    return f"keeps numbers that depend on a size, from {', '.join(tried.sized_by)}"


def failure(source: str, requested: RequestedMode, tried: list[Attempt]) -> Exception:
    """The error of a model that has no capture to take, with the line to change."""
    last = tried[-1]
    if requested != "auto" and last.module is not None:
        return ParityError(_disagrees(source, last))
    failures = "".join(f"\n  {a.mode}: {a.error if a.module is None else _short(a)}" for a in tried)
    message = f"{source} cannot be captured:{failures}\n{capture_remedy(failures)}"
    if any(a.module is not None for a in tried):
        lines = "; ".join(str(w) for w in tried[0].warnings[:3])
        scripting = next((a.error for a in tried if a.mode == "script"), None)
        message += f" The line to change: {lines or script_reason(scripting)}"
    return CaptureError(message)


def _disagrees(source: str, tried: Attempt) -> str:
    probe = next(p for p in tried.probes if p.verdict == "fail")
    lines = "".join(f"\n  {warning}" for warning in tried.warnings[:3])
    return (
        f"{tried.mode} of {source} gives different answers from eager on probe {probe.name!r}: output {probe.detail}."
        f"{lines}\nUse --mode auto, or accept and record the mismatch with --allow-mismatch."
    )
