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


def write_program(path: Path, text: str) -> Path:
    path.parent.mkdir()
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_torture_of_a_few_mutants_finds_nothing(runner_command: list[str]) -> None:
    if len(runner_command) > 1:
        pytest.skip("under an emulator, the answers have other rounding, and it takes 8 minutes")
    done = torture(shlex.join(runner_command), 100)
    assert done.returncode == 0, done.stdout + done.stderr
    for digests, count in (("old", 50), ("remade", 25), ("none", 25)):
        row = next(line for line in done.stdout.splitlines() if line.startswith(f"| {digests} | runner |"))
        assert sum(map(int, row.split("|")[3:-1])) == count


def test_torture_counts_what_must_not_happen(tmp_path: Path) -> None:
    runner = write_program(tmp_path / "cli" / "edgekit-runner", "kill -SEGV $$")
    ways = '0) echo -11;; 1) echo Traceback >"$out"; echo 1;; 2) echo 70;; 6) echo -24;; *) cp "$input" "$output"; echo 0;;'
    loop = f'while read -r out run x _ input _ output rest; do : >"$out"; case $n in {ways} esac; n=$((n + 1)); done'
    write_program(tmp_path / "tests" / "edgekit_forks", f"n=0; {loop}")
    done = torture(str(runner), 7, "--jobs", "1")
    assert done.returncode == 1, done.stderr
    found = [line.split(" ", 3) for line in done.stdout.splitlines() if line.startswith("runner, mutant")]
    wanted = [("0", "crash"), ("1", "traceback"), ("2", "bug"), ("4", "silent difference"), ("6", "hang")]
    assert [(words[2], words[3].rpartition(": ")[2]) for words in found] == wanted
    assert "runner, whole, mutant 0" in done.stdout
