"""The state of a sweep survives every interrupt, and refuses what is not of the same sweep."""

import threading
from pathlib import Path

import pytest

from edgekit.errors import UsageError
from edgekit.sweep.models import all_names, chosen
from edgekit.sweep.rows import SweepOptions, SweepRow, SweepVersions
from edgekit.sweep.state import Header, SweepState

HEADER = Header(
    versions=SweepVersions(edgekit="1", torch="2", torchvision=None), options=SweepOptions(fit="android", seed=3)
)
A, B = SweepRow(model="a", status="verified", fits=("x",)), SweepRow(model="b", status="failed", reason="why\n")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "state.jsonl"
    with SweepState(path, HEADER, resume=False) as state:
        state.add(A)
        state.add(B)
    return path


def reopened(file: Path, header: Header = HEADER, **options: object) -> dict[str, SweepRow]:
    with SweepState(file, header, resume=True, **options) as state:
        return state.rows


def test_state_gives_back_every_row(file: Path) -> None:
    assert reopened(file) == {"a": A, "b": B}


@pytest.mark.parametrize("left", [1, 5, 40])
def test_state_cut_in_the_last_line_keeps_the_others_and_takes_more(file: Path, left: int) -> None:
    file.write_bytes(file.read_bytes()[:-left])
    with SweepState(file, HEADER, resume=True) as state:
        assert state.rows == {"a": A}
        state.add(B)
    assert reopened(file) == {"a": A, "b": B}


def test_state_without_rows_starts_again(tmp_path: Path) -> None:
    other = Header(versions=HEADER.versions, options=SweepOptions(fit="current"))
    for header in (HEADER, other):
        with SweepState(tmp_path / "state.jsonl", header, resume=False) as state:
            assert state.rows == {}
    assert reopened(tmp_path / "state.jsonl", other) == {}


def test_state_drops_the_rows_to_run_again(file: Path) -> None:
    assert reopened(file, again=("failed",)) == {"a": A}
    assert reopened(file) == {"a": A}


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (Header(versions=HEADER.versions, options=SweepOptions(fit="android")), "seed 3, and this one has 0"),
        (
            Header(versions=SweepVersions(edgekit="1", torch="2.1", torchvision=None), options=HEADER.options),
            "torch 2, and this one has 2.1",
        ),
    ],
)
def test_state_of_another_sweep_is_refused_and_kept(file: Path, header: Header, message: str) -> None:
    before = file.read_bytes()
    with pytest.raises(UsageError, match=message):
        reopened(file, header)
    assert file.read_bytes() == before


@pytest.mark.parametrize("text", [b"{}\n{}\n", b"\xff\n\xff\n", b"[1]\n2\n"])
def test_state_that_is_another_file_is_refused_and_kept(file: Path, text: bytes) -> None:
    file.write_bytes(text)
    with pytest.raises(UsageError, match="is not the state of a sweep"):
        reopened(file)
    assert file.read_bytes() == text


def test_state_with_a_damaged_row_is_refused(file: Path) -> None:
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([lines[0], b'{"model": 1}\n', lines[2]]))
    with pytest.raises(UsageError, match="is not the state of a sweep"):
        reopened(file)


def test_state_in_use_is_refused(file: Path) -> None:
    found: list[Exception] = []

    def open_again() -> None:
        try:
            reopened(file)
        except UsageError as error:
            found.append(error)

    with SweepState(file, HEADER, resume=True):
        other = threading.Thread(target=open_again)
        other.start()
        other.join()
    assert "another sweep is at work" in str(found)


def test_state_in_a_place_that_cannot_be_written_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="Choose another folder with -o"):
        SweepState(tmp_path / "file" / "state.jsonl", HEADER, resume=False)


def test_chosen_models_are_names_globs_and_other_sources() -> None:
    import torchvision

    names = all_names()
    assert set(names) >= set(torchvision.models.list_models())
    assert chosen((), names) == names
    assert chosen(("resnet18*,a/b.py:make", "resnet18"), names) == ("resnet18", "a/b.py:make")
    assert chosen(("mnasnet0_[57]*",), names) == ("mnasnet0_5", "mnasnet0_75")
    with pytest.raises(UsageError, match="no model has such a name"):
        chosen(("resnet18", "resnot*"), names)
