"""How long a package takes on each runtime: load, first run and steady state apart."""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass

from edgekit.measure.context import BenchContext, bench_context
from edgekit.runtimes.registry import DEFAULT, TARGETS, find, resolve
from edgekit.runtimes.results import BenchRequest, BenchResult

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchReport:
    """One result for each runtime."""

    context: BenchContext
    results: tuple[BenchResult, ...]


def bench(
    path: str | os.PathLike[str], runtimes: Sequence[str] = (DEFAULT,), request: BenchRequest | None = None
) -> BenchReport:
    """Times a package.

    Raises:
        PackageError: the package is damaged.
        UsageError: an unknown runtime, a request that it cannot fulfil, or no golden case to take inputs from.
        DeviceError: a runtime cannot run on this machine, or fails.
    """
    request = request or BenchRequest()
    if request.per_operator:
        for name in runtimes:
            find(name, "operator times")
    resolved = [resolve(name, "bench") for name in runtimes]
    for name in runtimes:
        if TARGETS[name].emulated:
            _log.warning("runtime %s is emulated: its times are not those of a device.", name)
    context = bench_context(path)
    return BenchReport(context=context, results=tuple(runtime.bench(path, request) for runtime in resolved))
