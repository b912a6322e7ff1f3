"""A made-up runtime: one class and one row."""

from collections.abc import Sequence

import numpy as np

from edgekit.format.archive import Archive
from edgekit.format.compare import Array, Comparison
from edgekit.runtimes.base import Runtime
from edgekit.runtimes.registry import Target
from edgekit.runtimes.results import BenchRequest, BenchResult, CaseResult


class Abacus(Runtime):
    """A runtime that returns its constructor's arguments."""

    def __init__(self, *, name: str, why: str = "") -> None:
        self.name = name
        self.why = why

    def missing(self) -> str:
        return self.why

    def verify(self, archive: Archive) -> tuple[CaseResult, ...]:
        assert archive.golden is not None
        comparison = Comparison(output="0", passed=True, norm_error=0.0)
        return tuple(
            CaseResult(runtime=self.name, case=case.name, comparison=comparison) for case in archive.golden.cases
        )

    def run(self, path: object, method: str, inputs: Sequence[Array]) -> dict[str, Array]:  # noqa: ARG002  it is a runtime
        return {"0": np.stack(inputs)}

    def bench(self, path: object, request: BenchRequest) -> BenchResult:  # noqa: ARG002  it is a runtime
        times = dict.fromkeys(("load_ms", "first_ms", "min_ms", "p50_ms", "p90_ms", "p99_ms", "mean_ms"), 7.0)
        rest = {"iterations": 1, "threads": 1, "engine": "beads", "peak_rss_bytes": 1, "samples_ms": (7.0,)}
        return BenchResult(runtime=self.name, method=request.method, **times, **rest)


ROW = Target(
    name="abacus",
    implementation="abacus:Abacus",
    about="an invented runtime with beads",
    capabilities=("verify", "run", "bench"),
    operator_table="torch-2.1.0",
)
