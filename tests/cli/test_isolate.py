"""`--isolate`: what ends or hangs libtorch ends in an error with a name, and files of this machine cost nothing."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import hostile
import numpy as np
import pytest
from packages import edit_manifest, rewrite

from cli.command import Command, Result, environment
from edgekit.runtimes.exported import remember_exported

Run = Callable[..., Result]


@pytest.fixture
def isolated(process: Command, folder: Path) -> Run:
    """Runs a file on an array in a separate process, with isolation as users have it and an empty cache folder."""
    np.save(folder / "x.npy", np.ones(4, np.float32))

    def run(package: Path, *options: object) -> Result:
        env = {"EDGEKIT_ISOLATE": "auto", "XDG_CACHE_HOME": str(folder / "cache")}
        return process("run", package, "--input", "x.npy", *options, env=env)

    return run


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="other processors do not trap")
def test_isolate_crash_is_an_error_with_the_signal(isolated: Run, tmp_path: Path) -> None:
    package = hostile.crashing(tmp_path / "crash.ptl")
    isolated(package).failed(3, "crash.ptl was loaded in an isolated process", "SIGFPE")
    assert isolated(package, "--isolate", "never").code == -signal.SIGFPE


def test_isolate_hang_ends_after_the_limit(isolated: Run, tmp_path: Path) -> None:
    start = time.monotonic()
    isolated(hostile.hanging(tmp_path / "hang.ptl"), "--isolate-seconds", "8").failed(3, "a step took longer than 8 s")
    assert time.monotonic() - start < 60


def test_isolate_too_much_memory_is_the_fault_of_the_file(isolated: Run, tmp_path: Path) -> None:
    isolated(hostile.bomb(tmp_path / "bomb.ptl")).failed(3, "allocate memory")


def test_isolate_output_and_exit_code_are_those_of_the_command(isolated: Run, plain: Path, folder: Path) -> None:
    isolated(plain).passed("output.npy")
    assert np.load(folder / "output.npy").shape == (3,)
    isolated(plain, "--method", "other").failed(2, "no method 'other'")


def test_isolate_file_exported_here_stays_in_this_process(
    isolated: Run, plain: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = ("--isolate-seconds", "0.01")  # too short for any step of another process
    isolated(plain, *soon).failed(3, "a step took longer than 0.01 s")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    remember_exported(plain)
    isolated(plain, *soon).passed("output.npy")
    isolated(plain, *soon, "--isolate", "always").failed(3, "a step took longer than 0.01 s")


def test_isolate_verify_of_a_changed_package_runs_in_its_own_process(
    process: Command, tiny: Path, tmp_path: Path, folder: Path
) -> None:
    package = rewrite(tiny, tmp_path / "x.ptl", edit_manifest(lambda m: m.update(name="other")), remake_digests=True)
    env = {"EDGEKIT_ISOLATE": "auto", "XDG_CACHE_HOME": str(folder / "cache")}
    process("verify", package, env=env).passed("pass")
    process("verify", package, "--isolate-seconds", "0.01", env=env).failed(3, "a step took longer than 0.01 s")


def test_isolate_interrupt_ends_both_processes(tmp_path: Path, folder: Path) -> None:
    np.save(folder / "x.npy", np.ones(4, np.float32))
    command = [sys.executable, "-m", "edgekit", "run", hostile.hanging(tmp_path / "hang.ptl"), "--input", "x.npy"]
    env = environment(EDGEKIT_ISOLATE="always")
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True, cwd=folder) as running:
        time.sleep(5)
        running.send_signal(signal.SIGTERM)
        _, err = running.communicate(timeout=60)  # ends only when no process has the pipe
    assert running.returncode == 130
    assert "Traceback" not in err
