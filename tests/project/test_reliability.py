"""The short form of `make faults`, whose checker sees what must not be; and the page that has the figures of such tools."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[2] / "tools"


@pytest.fixture(autouse=True)
def tools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(TOOLS))


def test_faults_of_a_few_exports_finds_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", TOOLS / "faults.py", "-n", "4"],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\| killed \| [234] \| 0 \|", done.stdout)
    assert "| two at once | 2 | 0 |" in done.stdout
    if "no mounts" not in done.stderr:
        assert "| read-only folder | 1 | 0 |" in done.stdout
        assert "| full disk | 1 | 0 |" in done.stdout


def test_faults_sees_files_that_are_not_whole(tmp_path: Path) -> None:
    from faults import half_written

    (tmp_path / "net.ptl").write_bytes(b"good")
    (tmp_path / "net.json").write_text("{}")
    with zipfile.ZipFile(tmp_path / "net.pt", "w") as file:
        file.writestr("a", "b" * 100)
    (tmp_path / ".net.ptl.1234.tmp").write_bytes(b"go")
    assert half_written(tmp_path, b"good") == []
    for path in tmp_path.glob("net.*"):
        path.write_bytes(path.read_bytes()[:-1])
    assert half_written(tmp_path, b"good") == ["net.json", "net.pt", "net.ptl"]


FAKE_FUZZER = """#!/bin/sh
for option; do case $option in -artifact_prefix=*) touch "${option#*=}crash-1";; esac; done
echo "cov: 3 $1 cov: 12" >&2
echo stat::number_of_executed_units: 5 >&2
exit 77
"""


def test_fuzz_reports_what_libfuzzer_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fuzz

    program = tmp_path / "edgekit_fuzz"
    program.write_text(FAKE_FUZZER)
    program.chmod(0o755)
    monkeypatch.setattr(fuzz, "PROGRAM", program)
    monkeypatch.setattr(fuzz, "BUILD", tmp_path)
    result = fuzz.fuzz("npy", tmp_path / "no package", 1)
    assert (result.runs, result.edges, result.findings) == (5, 12, ("crash-1",))
    assert "| npy | 36 | 5 | 12 | 0 | crash-1 |" in fuzz.table([result], 1)


def test_write_figures_replaces_one_place_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import reliability

    page = tmp_path / "page.md"
    page.write_text("a\n<!-- soak: start -->\nold\n<!-- soak: end -->\nb\n")
    monkeypatch.setattr(reliability, "PAGE", page)
    reliability.write_figures("soak", "new \\1")
    assert page.read_text() == "a\n<!-- soak: start -->\n\nnew \\1\n\n<!-- soak: end -->\nb\n"
    with pytest.raises(ValueError, match="0 places for faults"):
        reliability.write_figures("faults", "new")
