"""Budgets: the most that times, the file and the memory may take, for a gate in CI."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from edgekit.errors import UsageError
from edgekit.measure.bench import BenchReport
from edgekit.runtimes.results import BenchResult

_TIMES = ("load_ms", "first_ms", "min_ms", "p50_ms", "p90_ms", "p99_ms", "mean_ms")
_FIGURES: Mapping[str, Callable[[BenchReport, BenchResult], float]] = {
    **{name: lambda _, result, name=name: getattr(result, name) for name in _TIMES},  # type: ignore[misc]  # a default of a lambda
    "peak_rss_mb": lambda _, result: result.peak_rss_bytes / 1e6,
    "size_mb": lambda report, _: (report.context.size_bytes or 0) / 1e6,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """The most that a figure may be, in the unit that its name ends with; MB are 10^6 bytes."""

    name: str
    most: float


def parse_budget(text: str) -> tuple[Limit, ...]:
    """The limits in a text such as `p50_ms=10,size_mb=20,peak_rss_mb=200`.

    Raises:
        UsageError: a name is unknown or given twice, or a limit is not a positive number.
    """
    limits: dict[str, Limit] = {}
    for part in text.split(","):
        name, _, value = part.strip().partition("=")
        if name not in _FIGURES:
            raise UsageError(f"--budget {part.strip()!r}: expected NAME=NUMBER with one of {', '.join(_FIGURES)}.")
        if name in limits:
            raise UsageError(f"--budget has {name} twice. Give it once.")
        try:
            most = float(value)
        except ValueError:
            most = 0.0
        if not 0 < most < float("inf"):
            raise UsageError(f"--budget {part.strip()!r}: expected a positive number after {name}=.")
        limits[name] = Limit(name=name, most=most)
    return tuple(limits.values())


def exceeded(budget: Sequence[Limit], report: BenchReport) -> tuple[str, ...]:
    """What is beyond the budget, a line for each."""
    found: dict[str, None] = {}
    for result in report.results:
        for limit in budget:
            figure = _FIGURES[limit.name](report, result)
            where = "" if limit.name == "size_mb" else f" on {result.runtime} with {result.threads} threads"
            if figure > limit.most:
                found[f"{limit.name} is {figure:.4g}{where}, beyond the budget of {limit.most:g}"] = None
    return tuple(found)
