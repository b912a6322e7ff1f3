"""How long a package takes on each runtime: load, first run and steady state apart."""

import logging
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import median

from edgekit.measure.context import BenchContext, bench_context, is_busy
from edgekit.runtimes.registry import DEFAULT, TARGETS, find, resolve
from edgekit.runtimes.results import BenchRequest, BenchResult
from edgekit.runtimes.timing import summarize

ROUNDS = 5  # of several runtimes that take turns

Progress = Callable[[str, int, int], None]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchReport:
    """One result for each runtime and number of threads."""

    context: BenchContext
    results: tuple[BenchResult, ...]


def bench(
    path: str | os.PathLike[str],
    runtimes: Sequence[str] = (DEFAULT,),
    request: BenchRequest | None = None,
    *,
    threads: Sequence[int] = (),
    rounds: int | None = None,
    progress: Progress = lambda *_: None,
) -> BenchReport:
    """Times a package.

    Args:
        path: the package.
        runtimes: where to run it.
        request: what to run.
        threads: numbers of threads, instead of that of the request.
        rounds: in how many parts each measurement is made. In each round, every runtime and number of threads has its turn, so
            that what disturbs the machine disturbs all of them. By default five, or one if there is only one measurement.
        progress: is called before each part with what it measures, the number of parts before it, and that of all.

    Raises:
        PackageError: the package is damaged.
        UsageError: an unknown runtime, a request that it cannot fulfil, or no golden case to take inputs from.
        DeviceError: a runtime cannot run on this machine, or fails.
    """
    request = request or BenchRequest()
    if request.per_operator:
        for name in runtimes:
            find(name, "operator times")
    requests = [replace(request, threads=count) for count in threads] or [request]
    turns = [(name, resolve(name, "bench"), each) for name in runtimes for each in requests]
    for name in runtimes:
        if TARGETS[name].emulated:
            _log.warning("runtime %s is emulated: its times are not those of a device.", name)
    _warn_if_busy()
    context = bench_context(path)
    rounds = rounds or (1 if len(turns) == 1 else ROUNDS)
    parts: list[list[BenchResult]] = [[] for _ in turns]
    for round_ in range(rounds):
        for turn, ((name, runtime, each), found) in enumerate(zip(turns, parts, strict=True)):
            what = name if each.threads is None else f"{name}, {each.threads} threads"
            progress(what, round_ * len(turns) + turn, rounds * len(turns))
            found.append(runtime.bench(path, _part(each, rounds)))
    return BenchReport(context=context, results=tuple(_merged(found, parts[0]) for found in parts))


def _part(request: BenchRequest, rounds: int) -> BenchRequest:
    return replace(request, iterations=math.ceil(request.iterations / rounds), min_seconds=request.min_seconds / rounds)


def _merged(parts: Sequence[BenchResult], first: Sequence[BenchResult]) -> BenchResult:
    """One result of those of all rounds, beside those of the first runtime."""
    samples = tuple(sample for part in parts for sample in part.samples_ms)
    ratios = [part.p50_ms / other.p50_ms for part, other in zip(parts, first, strict=True) if other.p50_ms > 0]
    several = parts is not first and len(ratios) > 0
    return replace(
        parts[-1],
        **asdict(summarize(samples)),
        samples_ms=samples,
        load_ms=median(part.load_ms for part in parts),
        first_ms=median(part.first_ms for part in parts),
        peak_rss_bytes=max(part.peak_rss_bytes for part in parts),
        ratio=median(ratios) if several else None,
        ratio_range=(min(ratios), max(ratios)) if several else None,
    )


def _warn_if_busy() -> None:
    if is_busy():
        _log.warning("the machine is busy (load %.1f): the times may not hold.", os.getloadavg()[0])
