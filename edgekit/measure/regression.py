"""Compares two saved documents of `edgekit bench`: what became slower or larger, beyond the noise of both measurements."""

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from edgekit.errors import UsageError
from edgekit.format.codec import expected_version
from edgekit.measure.context import BenchContext
from edgekit.runtimes.results import DOCUMENT_VERSION, BenchResult
from edgekit.runtimes.timing import percentile

_PARTS = 5  # of the samples, in the order of their time
_LEAST_SAMPLES = 2 * _PARTS
_SAME = ("cpu", "cores", "governor")  # of the context; other values make other times


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A document of `edgekit bench` in a file."""

    file: str
    context: BenchContext
    results: tuple[BenchResult, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A figure of both documents. `noise` is how much it may differ by chance, as a part of it; `regressed` is beyond that."""

    what: str
    figure: str
    old: float
    new: float
    noise: float
    regressed: bool

    @property
    def ratio(self) -> float:
        """The new figure divided by the old one."""
        return self.new / self.old if self.old > 0 else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareContext:
    """`passed` means that nothing regressed by more than `threshold`, which is a part of the figure."""

    old: str
    new: str
    threshold: float
    passed: bool
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    schema_version: str
    context: BenchContext
    results: tuple[BenchResult, ...]


def read_saved(path: Path) -> Saved:
    """Reads what `edgekit bench --save` wrote.

    Raises:
        UsageError: the file cannot be read, or is not such a document.
    """
    try:
        found = msgspec.json.decode(path.read_bytes(), type=_File)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path} is not a document of edgekit bench: {error}. Write one with edgekit bench PACKAGE --save FILE."
        ) from error
    if expected := expected_version(found.schema_version, DOCUMENT_VERSION):
        raise UsageError(f"{path} has schema_version {found.schema_version!r}; expected {expected}. Measure again.")
    return Saved(file=path.name, context=found.context, results=found.results)


def compared(old: Saved, new: Saved, threshold: float) -> tuple[CompareContext, tuple[Change, ...]]:
    """The changes of what both documents have: the medians of the times, the peak memory and the size of the file.

    A median regressed if it grew by more than the threshold, and by more than the noise of both measurements.

    Raises:
        UsageError: the documents have no measurement in common.
    """
    before = {_key(result): result for result in old.results}
    after = {_key(result): result for result in new.results}
    if not (both := [key for key in before if key in after]):
        raise UsageError(
            f"{old.file} and {new.file} have no measurement in common: {_listed(before)} against {_listed(after)}. Measure "
            "the same runtimes, methods and numbers of threads."
        )
    changes: list[Change] = []
    for key in both:
        first, second = before[key], after[key]
        noise = _noise(first) + _noise(second)
        what = f"{key[0]}, {key[1]}, {key[2]} threads"
        changes.append(_change(what, "p50_ms", first.p50_ms, second.p50_ms, noise, threshold))
        peaks = float(first.peak_rss_bytes), float(second.peak_rss_bytes)
        changes.append(_change(what, "peak_rss_bytes", *peaks, 0.0, threshold))
    if old.context.size_bytes and new.context.size_bytes:
        sizes = float(old.context.size_bytes), float(new.context.size_bytes)
        changes.append(_change("file", "size_bytes", *sizes, 0.0, threshold))
    context = CompareContext(
        old=old.file,
        new=new.file,
        threshold=threshold,
        passed=not any(change.regressed for change in changes),
        warnings=(*_differences(old, new), *_alone(old, before, after), *_alone(new, after, before)),
    )
    return context, tuple(changes)


def _key(result: BenchResult) -> tuple[str, str, int]:
    return result.runtime, result.method, result.threads


def _listed(results: Any) -> str:
    return "; ".join(f"{runtime} {method} with {threads} threads" for runtime, method, threads in results)


def _change(what: str, figure: str, old: float, new: float, noise: float, threshold: float) -> Change:
    regressed = old > 0 and new / old - 1 > max(threshold, noise)
    return Change(what=what, figure=figure, old=old, new=new, noise=round(noise, 4), regressed=regressed)


def _noise(result: BenchResult) -> float:
    """Half the range of the medians of five parts of the samples, as a part of the median: slow changes of the machine count.

    Of a few samples, it is half of their range.
    """
    samples = result.samples_ms
    if not samples or result.p50_ms <= 0:
        return 0.0
    if len(samples) < _LEAST_SAMPLES:
        return (max(samples) - min(samples)) / 2 / result.p50_ms
    ends = [len(samples) * part // _PARTS for part in range(_PARTS + 1)]
    medians = [percentile(sorted(samples[a:b]), 50) for a, b in itertools.pairwise(ends)]
    return (max(medians) - min(medians)) / 2 / result.p50_ms


def _differences(old: Saved, new: Saved) -> tuple[str, ...]:
    pairs = ((name, getattr(old.context, name), getattr(new.context, name)) for name in _SAME)
    return tuple(
        f"{name} is {after} in {new.file}, and {before} in {old.file}: the times are not of the same machine"
        for name, before, after in pairs
        if before != after
    )


def _alone(saved: Saved, own: Any, others: Any) -> tuple[str, ...]:
    alone = [key for key in own if key not in others]
    return (f"only {saved.file} has {_listed(alone)}",) if alone else ()
