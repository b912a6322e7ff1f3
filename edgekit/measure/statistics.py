"""Summaries of timings, by the same rule as the runner's; without torch or numpy."""

from collections.abc import Sequence
from dataclasses import dataclass


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
