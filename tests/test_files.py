"""Atomic writes: a file is written completely or not at all."""

import errno
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from edgekit.errors import UsageError
from edgekit.files import atomic, scratch_folder


def test_atomic_good_block_leaves_the_file_alone(tmp_path: Path) -> None:
    with atomic(tmp_path / "deep" / "x") as temporary:
        temporary.write_text("new")
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["x"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_atomic_failed_block_keeps_the_old_file_and_nothing_else(tmp_path: Path, error: type[BaseException]) -> None:
    (tmp_path / "x").write_text("old")

    def fail() -> None:
        with atomic(tmp_path / "x") as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(error):
        fail()
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("x", "old")]


def test_atomic_replaces_the_file_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "x")
    with atomic(tmp_path / "link") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "x").read_text() == "new"


def test_atomic_writes_to_a_device_and_leaves_it_there(tmp_path: Path) -> None:
    (tmp_path / "null").symlink_to("/dev/null")  # because root could replace the device itself
    with atomic(tmp_path / "null") as temporary:
        temporary.write_text("new")
    assert Path("/dev/null").is_char_device()
    assert [p.name for p in tmp_path.iterdir()] == ["null"]


def test_atomic_under_a_file_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be written"), atomic(tmp_path / "file" / "x"):
        pass


def test_atomic_in_a_read_only_folder_is_a_usage_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))  # also for removing a file that is not there

    monkeypatch.setattr(os, "open", refuse)
    monkeypatch.setattr(os, "unlink", refuse)
    with pytest.raises(UsageError, match="Read-only file system"), atomic(tmp_path / "x"):
        pass


def test_atomic_over_a_directory_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a directory"), atomic(tmp_path):
        pass


def test_atomic_two_writers_leave_one_whole_file(tmp_path: Path) -> None:
    def write(text: str) -> None:
        for _ in range(20):
            with atomic(tmp_path / "x") as temporary:
                temporary.write_text(text * 1000)

    threads = [threading.Thread(target=write, args=(text,)) for text in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "x").read_text() in ("a" * 1000, "b" * 1000)
    assert len(list(tmp_path.iterdir())) == 1


def test_scratch_folder_interrupted_right_after_it_was_made_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = Path.mkdir

    def interrupted(path: Path, mode: int = 0o777) -> None:
        make(path, mode)
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "mkdir", interrupted)
    with pytest.raises(KeyboardInterrupt), scratch_folder(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_scratch_folder_is_removed_with_its_content(tmp_path: Path) -> None:
    with scratch_folder(tmp_path) as scratch:
        (scratch / "x").write_text("x")
    assert list(tmp_path.iterdir()) == []


KILLED = """
import os, pathlib, sys
from edgekit.files import atomic, scratch_folder
folder = pathlib.Path(sys.argv[1])
with atomic(folder / "x") as temporary, scratch_folder(folder) as scratch:
    (scratch / "part").write_text("half")
    print(temporary.name, scratch.name, flush=True)
    sys.stdin.read()
"""


def aged(path: Path) -> Path:
    hour_ago = time.time() - 3600
    os.utime(path, (hour_ago, hour_ago))
    return path


def test_atomic_removes_what_a_killed_process_left_and_nothing_else(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        left = [aged(tmp_path / name) for name in process.stdout.readline().split()]
        with atomic(tmp_path / "x") as temporary, scratch_folder(tmp_path):
            temporary.write_text("first")
        assert all(path.exists() for path in left)  # its process lives
        process.kill()
    fresh = tmp_path / ".x.12345678.tmp"
    fresh.touch()
    others = [
        aged(fresh.with_name(name)) for name in (".xx.12345678.tmp", "x.tmp") if not fresh.with_name(name).touch()
    ]
    with atomic(tmp_path / "x") as temporary, scratch_folder(tmp_path):
        temporary.write_text("second")
    assert not any(path.exists() for path in left)
    assert all(path.exists() for path in (fresh, *others))
    assert (tmp_path / "x").read_text() == "second"
