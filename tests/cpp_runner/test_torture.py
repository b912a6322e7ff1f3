"""The short form of `make torture`: mutants of a package neither crash, hang nor mislead Python and the runner."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[2] / "tools"


def torture(runner: str, count: int, *options: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-W", "ignore", TOOLS / "torture.py", "-n", str(count), "--seed", "1", *options],
        env=os.environ | {"EDGEKIT_RUNNER": runner},
        capture_output=True,
        text=True,
    )


def test_torture_of_a_few_mutants_finds_nothing(runner_command: list[str]) -> None:
    if len(runner_command) > 1:
        pytest.skip("under an emulator, the answers have other rounding, and it takes 8 minutes")
    done = torture(shlex.join(runner_command), 60)
    assert done.returncode == 0, done.stdout + done.stderr
    row = next(line for line in done.stdout.splitlines() if line.startswith("| old | runner |"))
    assert sum(map(int, row.split("|")[3:-1])) == 30


def test_torture_counts_what_must_not_happen(tmp_path: Path) -> None:
    runner = tmp_path / "runner"
    ways = "0) kill -SEGV $$;; 1) echo Traceback;; 2) exit 70;; *) cp $4 $6;;"  # $4 is the input, $6 the output
    runner.write_text(f'#!/bin/sh\nn=$(ls "$0".* 2>/dev/null | wc -l)\ntouch "$0.$$"\ncase $n in {ways} esac\n')
    runner.chmod(0o755)
    done = torture(str(runner), 5, "--jobs", "1")
    assert done.returncode == 1, done.stderr
    found = [line.rpartition(": ")[2] for line in done.stdout.splitlines() if line.startswith("runner, mutant")]
    assert found == ["crash", "traceback", "bug", "silent difference"]
