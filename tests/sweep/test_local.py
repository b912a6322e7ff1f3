"""Which models run at the same time, with how much memory and how many threads."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from edgekit.sweep import local
from edgekit.sweep.child import failed
from edgekit.sweep.rows import Limits, ModelRequest, SweepOptions, SweepRow
from edgekit.threads import usable_cores

NEEDS = {"small": 2 * 10**9, "large": 10 * 10**9, "larger": 30 * 10**9}


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Limits]]:
    """What was run with which limits, on a machine with 24 GB and two cores; each model needs the memory above."""
    calls: list[tuple[str, Limits]] = []

    def run_model(request: ModelRequest, limits: Limits, _: Callable[[], bool]) -> SweepRow:
        calls.append((request.source, limits))
        assert limits.memory_bytes is not None
        over = NEEDS[request.source] > limits.memory_bytes
        row = failed(request.source, "more memory") if over else SweepRow(model=request.source, status="verified")
        return replace(row, peak_rss_bytes=NEEDS[request.source])

    monkeypatch.setattr(local, "run_model", run_model)
    monkeypatch.setattr(local, "memory_for_models", lambda: 18 * 10**9)
    monkeypatch.setattr(local, "usable_cores", lambda: 2)
    return calls


def swept(jobs: int | None, memory_bytes: int | None = None) -> dict[str, str]:
    requests = [ModelRequest(source=name, options=SweepOptions(fit="android")) for name in NEEDS]
    rows = local.rows_here(requests, Limits(timeout_s=1.0, memory_bytes=memory_bytes), jobs)
    return {row.model: row.status for row in rows}


def test_rows_here_runs_a_large_model_again_alone(ran: list[tuple[str, Limits]]) -> None:
    assert swept(None) == {"small": "verified", "large": "verified", "larger": "failed"}
    together, alone = ran[:3], ran[3:]
    assert {name for name, _ in together} == set(NEEDS)
    assert {limits.memory_bytes for _, limits in together} == {9 * 10**9}
    assert {name for name, _ in alone} == {"large", "larger"}
    assert {(limits.memory_bytes, limits.threads) for _, limits in alone} == {(18 * 10**9, usable_cores())}


@pytest.mark.parametrize(("jobs", "memory_bytes"), [(1, None), (2, 9 * 10**9)])
def test_rows_here_gives_no_model_a_second_chance_with_the_same_memory(
    ran: list[tuple[str, Limits]], jobs: int, memory_bytes: int | None
) -> None:
    statuses = swept(jobs, memory_bytes)
    assert statuses["larger"] == "failed"
    assert len(ran) == 3


def test_shared_leaves_what_was_asked_for() -> None:
    asked = Limits(timeout_s=1.0, memory_bytes=5, threads=7)
    assert asked.shared(2, 100) == asked
    assert Limits(timeout_s=1.0).shared(2, 100) == Limits(
        timeout_s=1.0, memory_bytes=50, threads=max(1, usable_cores() // 2)
    )
