"""When a file cannot be written or the user interrupts: a clear error, and no file left behind, not even a hidden one."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.command import SOURCES, Command, environment, everything_in

NET = f"{SOURCES}:classifier"
EXPORT = ("export", NET, "--input", "1x3x32x32")
MIB = 1 << 20


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("file/x.ptl", "cannot be written"),
        ("file/deep/x.ptl", "cannot be written"),
        ("folder.ptl", "folder.ptl is a directory"),
        ("busy.ptl", "busy.json is a directory"),
        ("x.pt", "ends in .ptl"),
        ("x", "ends in .ptl"),
        ("/proc/x.ptl", "cannot be written"),
        ("y" * 300 + ".ptl", "File name too long"),
    ],
)
def test_export_output_that_cannot_be_written_exits_2(cli: Command, folder: Path, output: str, message: str) -> None:
    Path("file").touch()
    Path("folder.ptl").mkdir()
    Path("busy.json").mkdir()
    before = everything_in(folder)
    cli(*EXPORT, "-o", output).failed(2, message)
    assert everything_in(folder) == before


def test_export_that_fails_removes_only_the_folders_it_made(cli: Command, folder: Path) -> None:
    Path("a").mkdir()
    cli("export", f"{SOURCES}:not_a_number", "--input", "4", "-o", "a/b/c/x.ptl").failed(3)
    assert everything_in(folder) == ["a"]


def test_export_that_fails_keeps_the_existing_files(cli: Command, folder: Path) -> None:
    cli(*EXPORT, "-o", "x.ptl").passed()
    before = {name: Path(name).read_bytes() for name in everything_in(folder)}
    assert sorted(before) == ["x.json", "x.pt", "x.ptl"]
    cli("export", f"{SOURCES}:not_a_number", "--input", "4", "-o", "x.ptl").failed(3)
    assert {name: Path(name).read_bytes() for name in everything_in(folder)} == before


def test_export_output_relative_with_folders_is_made(cli: Command, folder: Path) -> None:
    cli(*EXPORT, "-o", "a/b/x.ptl").passed("a/b/x.ptl", "a/b/x.pt ")
    assert everything_in(folder) == ["a", "a/b", "a/b/x.json", "a/b/x.pt", "a/b/x.ptl"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A separate file system that is too small for any package."""
    path = tmp_path / "disk"
    path.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(path)], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(
            f"this user cannot mount a small disk ({mounted.stderr.strip()}); the test of the file size limit covers the same"
        )
    try:
        yield path
    finally:
        subprocess.run(["umount", str(path)], check=True)


def test_export_full_disk_exits_2(cli: Command, small_disk: Path) -> None:
    cli(*EXPORT, "-o", small_disk / "x.ptl").failed(2, "cannot be written: No space left on device")
    assert everything_in(small_disk) == []


def test_run_full_disk_exits_2_and_keeps_no_output(cli: Command, two_inputs: Path, small_disk: Path) -> None:
    import numpy as np

    np.save("ids.npy", np.zeros((1, 6), np.int64))
    np.save("mask.npy", np.ones((1, 6), np.float32))
    arguments = ("run", two_inputs, "--input", "ids.npy", "--input", "mask.npy", "-o", small_disk / "x.npy")
    (small_disk / "rest").write_bytes(bytes(MIB - os.sysconf("SC_PAGESIZE")))  # room for one output
    cli(*arguments).failed(2, "No space left on device")
    assert everything_in(small_disk) == ["rest"]
    (small_disk / "rest").unlink()
    cli(*arguments).passed()
    assert everything_in(small_disk) == ["x.hidden.npy", "x.logits.npy"]


def limit_files(size_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, size_bytes))


def test_export_file_size_limit_exits_2(process: Command, folder: Path) -> None:
    result = process(*EXPORT, "-o", "x.ptl", preexec_fn=lambda: limit_files(10_000))
    result.failed(2, "cannot be written: File too large")
    assert everything_in(folder) == []


def test_inspect_full_stdout_exits_2(tiny: Path, folder: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "edgekit", "inspect", str(tiny)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
            cwd=folder,
        )
    assert done.returncode == 2
    assert done.stderr == "edgekit: the output cannot be written: No space left on device. Free some disk space.\n"


def interrupted(
    number: signal.Signals, arguments: tuple[object, ...], folder: Path, seen: str
) -> tuple[int, str, bool]:
    """Starts a command and signals it when `seen` matches a file in the folder.

    Returns the exit code, stderr, and whether the command was still running then.
    """
    child = subprocess.Popen(
        [sys.executable, "-m", "edgekit", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=environment(),
    )
    while child.poll() is None and not list(folder.rglob(seen)):
        time.sleep(0.002)
    caught = child.poll() is None
    child.send_signal(number)
    _, err = child.communicate(timeout=60)
    return child.returncode, err, caught


@pytest.mark.parametrize(
    ("number", "seen"),
    [(signal.SIGINT, ".x.ptl.*"), (signal.SIGTERM, ".edgekit-*")],  # before capture, and while torch's draft is there
)
def test_export_interrupted_in_the_middle_leaves_nothing(folder: Path, number: signal.Signals, seen: str) -> None:
    code, err, caught = interrupted(number, (*EXPORT, "-o", "out/x.ptl"), folder, seen)
    assert caught
    assert (code, err) == (130, "edgekit: interrupted; nothing was written\n")
    assert everything_in(folder) == []
