"""Atomic writes: a file is written completely or not at all."""

import threading
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
