"""The short form of `make soak`: predictions and loads, in Python and through the C ABI, do not make the memory grow."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[2] / "tools"


def test_soak_of_a_few_runs_does_not_grow(runner_command: list[str]) -> None:
    if len(runner_command) > 1:
        pytest.skip("the memory of an emulator grows by what it translates")
    program = Path(runner_command[-1]).parents[1] / "tests" / "edgekit_soak"
    command = [sys.executable, "-W", "ignore", TOOLS / "soak.py", "-n", "400", "--loads", "40", "--program", program]
    at_once = "quarantine_size_mb=0:thread_local_quarantine_size_kb=0"  # freed memory of a build with a sanitizer
    environment = os.environ | {"ASAN_OPTIONS": f"{os.environ.get('ASAN_OPTIONS', '')}:{at_once}"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.split("|")[1:4] for line in done.stdout.splitlines() if line.startswith(("| C |", "| Python |"))]
    assert [" ".join(cell.strip() for cell in row) for row in rows] == [
        "C runs 400",
        "C loads 40",
        "Python runs 400",
        "Python loads 40",
    ]


def test_soak_sees_memory_that_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(TOOLS))
    from soak import growth

    def is_leak(what: str, step: int, number: int) -> bool:
        return growth("C", what, [(i, 10**8 + step * i) for i in range(0, number + 1, number // 100)]).is_leak

    assert [is_leak("runs", step, 10**5) for step in (0, 1, 2)] == [False, False, True]
    assert [is_leak("loads", step, 1000) for step in (0, 1000, 2000)] == [False, False, True]
    assert [is_leak("runs", step, 400) for step in (0, 1000, 20_000)] == [False, False, True]


def test_soak_leaves_out_the_first_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(TOOLS))
    from soak import growth

    filling = [(i, 10**8 + 1000 * min(i, 5000)) for i in range(0, 10**5 + 1, 500)]
    assert not growth("C", "runs", filling).is_leak
