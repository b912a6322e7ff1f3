"""What is shown while something is written."""

import io
import time
from pathlib import Path

import pytest

from edgekit.runtimes import writing
from edgekit.runtimes.writing import shown_size, size_bytes


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_size_bytes_is_that_of_all_files(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "a").write_bytes(b"x" * 1000)
    (tmp_path / "below" / "b").write_bytes(b"x" * 500)
    assert size_bytes(tmp_path) == 1500
    assert size_bytes(tmp_path / "missing") == 0


@pytest.mark.parametrize(("expected", "text"), [(0, "some: 1.50kB 00:0"), (2000, "1.50kB of 2.00kB 00:0")])
def test_shown_size_follows_what_is_written(
    expected: int, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(writing.sys, "stderr", terminal)
    monkeypatch.setattr(writing, "_INTERVAL_S", 0.01)
    with shown_size("some", tmp_path, expected, shown=True):
        (tmp_path / "a").write_bytes(b"x" * 1500)
        end = time.monotonic() + 60
        while text not in terminal.getvalue() and time.monotonic() < end:
            time.sleep(0.01)
    assert text in terminal.getvalue()


@pytest.mark.parametrize(("terminal", "shown"), [(Terminal(), False), (io.StringIO(), True)])
def test_nothing_is_shown_where_nobody_looks(
    terminal: io.StringIO, shown: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing.sys, "stderr", terminal)
    with shown_size("some", tmp_path, 0, shown=shown):
        pass
    assert terminal.getvalue() == ""
