"""Golden cases that cannot fail, and texts that would control a terminal."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from packages import edit_golden, edit_manifest, rewrite, scale_largest_weight

from edgekit.cli.main import main
from edgekit.format.archive import LABELS, MANIFEST, MOST_LABELS


def blind(document: Any) -> None:
    for case in document["cases"]:
        for output in case["outputs"]:
            output["indices"], output["values"] = [], []


BLIND_COMMANDS = [["inspect"], ["compat"], ["verify"], ["bench"], ["run", "--input", "x.npy"]]


def loosen_cases(document: Any) -> None:
    for case in document["cases"]:
        case["tolerance"] = {"norm": 0.1, "max": 0.1, "absolute": 0.1, "loosened": False}


def loosen_manifest(document: Any) -> None:
    document["tolerance"]["max"] = 0.0011


def write_changed(tiny: Path, tmp_path: Path, edit: Callable[[dict[str, bytes]], None]) -> Path:
    def other_weights(records: dict[str, bytes]) -> None:
        scale_largest_weight(records)
        edit(records)

    return rewrite(tiny, tmp_path / "x.ptl", other_weights, remake_digests=True)


@pytest.mark.parametrize("command", BLIND_COMMANDS, ids=" ".join)
def test_golden_cases_that_list_nothing_exit_3(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    np.save(tmp_path / "x.npy", np.zeros((1, 3, 32, 32), np.float32))
    verb, *options = command
    package = write_changed(tiny, tmp_path, edit_golden(blind))
    assert main([verb, str(package), *(str(tmp_path / o) if o.endswith(".npy") else o for o in options)]) == 3
    assert "lists no element of output" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (edit_golden(loosen_cases), "has a tolerance of 0.1, which is not marked as loosened"),
        (edit_manifest(loosen_manifest), "has a tolerance of 0.0011, which is not marked as loosened"),
    ],
)
def test_verify_bounds_that_are_not_tight_exit_3(
    tiny: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    edit: Callable[[dict[str, bytes]], None],
    message: str,
) -> None:
    assert main(["verify", str(write_changed(tiny, tmp_path, edit))]) == 3
    assert message in capsys.readouterr().err


def test_verify_loosened_tolerance_is_shown(tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit = edit_manifest(lambda m: m["tolerance"].update(norm=0.01, loosened=True))
    package = rewrite(tiny, tmp_path / "x.ptl", edit, remake_digests=True)
    assert main(["verify", str(package)]) == 0
    assert "bound 0.01, loosened" in capsys.readouterr().out


@pytest.mark.parametrize("verb", ["inspect", "verify", "compat"])
def test_name_with_escapes_reaches_the_terminal_escaped(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    edit = edit_manifest(lambda m: m.update(name="x\x1b[2J\x9bPASS\x07"))
    package = rewrite(tiny, tmp_path / "x.ptl", edit, remake_digests=True)
    assert main([verb, str(package)]) == 0
    shown = "".join(capsys.readouterr())
    assert shown.replace("\n", "").isprintable()


def test_labels_beyond_the_limit_exit_3_unread(tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for count, code in ((MOST_LABELS, 0), (MOST_LABELS + 1, 3)):
        labels = {LABELS: b"\n" * count}
        package = rewrite(tiny, tmp_path / "x.ptl", lambda r, new=labels: r.update(new), remake_digests=True)
        assert main(["inspect", str(package)]) == code
    assert f"more than {MOST_LABELS} labels" in capsys.readouterr().err


def test_manifest_that_is_not_utf8_exits_3(tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def spoil(records: dict[str, bytes]) -> None:
        records[MANIFEST] = records[MANIFEST].replace(b'"trace', b'"\xc1race', 1)

    package = rewrite(tiny, tmp_path / "x.ptl", spoil, remake_digests=False)
    assert main(["inspect", str(package)]) == 3
    assert "manifest.json" in capsys.readouterr().err
