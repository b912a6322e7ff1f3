"""The runner's `--isolate`: as in tests/cli/test_isolate.py."""

import os
import signal
import subprocess
import time
from pathlib import Path

import hostile
import pytest

from edgekit.runtimes.exported import remember_exported

from .conftest import Run

INPUT = ("--input", "4:float32[1,1]")


@pytest.fixture
def isolates(cache: str, runner_command: list[str]) -> str:
    """For tests of the isolated process, which an emulator does not start."""
    if len(runner_command) > 1:
        pytest.skip("an emulator does not start programs of another machine")
    return cache


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("EDGEKIT_ISOLATE", "auto")
    return str(tmp_path / "cache")


@pytest.mark.usefixtures("isolates")
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="other processors do not trap")
@pytest.mark.parametrize("verb", ["run", "bench"])
def test_isolate_crash_is_an_error_with_the_signal(run: Run, tmp_path: Path, verb: str) -> None:
    package = hostile.crashing(tmp_path / "crash.ptl")
    done = run(verb, package, *INPUT)
    assert (done.code, done.out) == (3, "")
    assert "crash.ptl was loaded in an isolated process, which was ended by SIGFPE" in done.err
    assert run(verb, package, *INPUT, "--isolate", "never").code == -signal.SIGFPE
    remember_exported(package)  # as if it were of this machine
    assert run(verb, package, *INPUT).code == -signal.SIGFPE


@pytest.mark.usefixtures("isolates")
def test_isolate_hang_ends_after_the_limit(run: Run, tmp_path: Path) -> None:
    start = time.monotonic()
    done = run("run", hostile.hanging(tmp_path / "hang.ptl"), *INPUT, "--isolate-seconds", "5")
    assert (done.code, done.out) == (3, "")
    assert "a step took longer than 5.0 s" in done.err
    assert time.monotonic() - start < 60


@pytest.mark.usefixtures("isolates")
def test_isolate_too_much_memory_is_the_fault_of_the_file(run: Run, tmp_path: Path) -> None:
    done = run("run", hostile.bomb(tmp_path / "bomb.ptl"), *INPUT)
    assert (done.code, done.out) == (3, "")
    assert "allocate memory" in done.err


@pytest.mark.usefixtures("isolates")
def test_isolate_output_and_exit_code_are_those_of_the_command(run: Run, plain: Path, tmp_path: Path) -> None:
    done = run("run", plain, "--input", "1x3x32x32", "-o", tmp_path / "y.npy", "--json")
    assert done.code == 0
    assert done.results[0]["shape"] == [1, 7]
    assert run("run", plain, "--input", "1x3x32x32", "--method", "other").code == 2
    done = run("bench", plain, "--input", "1x3x32x32", "--iterations", "3", "--min-seconds", "0", "--json")
    assert done.results[0]["iterations"] == 3


@pytest.mark.usefixtures("cache")
def test_isolate_under_an_emulator_is_left_out_with_a_warning(
    run: Run, plain: Path, runner_command: list[str], tmp_path: Path
) -> None:
    if len(runner_command) == 1:
        pytest.skip("runs under an emulator (make test-aarch64)")
    arguments = ("run", plain, "--input", "1x3x32x32", "-o", tmp_path / "y.npy")
    done = run(*arguments)
    assert done.code == 0
    assert "warning: an isolated process does not start" in done.err
    done = run(*arguments, "--isolate", "always")
    assert (done.code, done.out) == (4, "")
    assert "use --isolate never" in done.err


@pytest.mark.usefixtures("isolates")
def test_isolate_the_process_ends_with_its_parent(runner_command: list[str], tmp_path: Path) -> None:
    command = [*runner_command, "run", str(hostile.hanging(tmp_path / "hang.ptl")), *INPUT]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as running:
        time.sleep(2)
        running.kill()
        running.communicate(timeout=60)  # ends only when no process has the pipe
