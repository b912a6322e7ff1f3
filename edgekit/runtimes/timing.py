"""Timing in this process, and the summary of samples, by the same rule as the runner's; without torch or numpy."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    min_ms: float
    p50_ms: float
    p90_ms: float
    p99_ms: float
    mean_ms: float
    iterations: int


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The value that `percent` of the ordered samples do not exceed, linearly between neighbours."""
    position = percent / 100 * (len(ordered) - 1)
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (position - below) * (ordered[above] - ordered[below])


def summarize(samples_ms: Sequence[float]) -> Summary:
    """Raises ValueError where there are no samples."""
    if not samples_ms:
        raise ValueError("no samples")
    ordered = sorted(samples_ms)
    return Summary(
        min_ms=ordered[0],
        p50_ms=percentile(ordered, 50),
        p90_ms=percentile(ordered, 90),
        p99_ms=percentile(ordered, 99),
        mean_ms=sum(ordered) / len(ordered),
        iterations=len(ordered),
    )


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """The milliseconds that a call takes, and its value."""
    start = time.perf_counter()
    value = work()
    return (time.perf_counter() - start) * 1e3, value


def time_runs(work: Callable[[], Any], iterations: int, min_seconds: float) -> tuple[float, ...]:
    """The milliseconds of each of at least so many calls, for at least so long."""
    samples: list[float] = []
    start = time.perf_counter()
    while len(samples) < iterations or time.perf_counter() - start < min_seconds:
        samples.append(timed(work)[0])
    return tuple(samples)


def peak_rss_bytes() -> int:
    """The largest memory that this process has had; 0 where the system does not say."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), 0)
