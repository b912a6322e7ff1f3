"""`edgekit doctor` says what the machine lacks, and every verb says so where torch is missing or damaged."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from schemas import validate

from cli.command import Command, environment
from edgekit import diagnosis
from edgekit.cli.main import main
from edgekit.runtimes.android import AndroidRuntime

DAMAGED = 'raise ImportError("libtorch_cpu.so: cannot open shared object file")\n'
ABSENT = 'raise ModuleNotFoundError("No module named \'torch\'", name="torch")\n'


def without_torch(folder: Path, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in a process whose torch is this module."""
    (folder / "torch").mkdir()
    (folder / "torch" / "__init__.py").write_text(code)
    changed = environment()
    changed["PYTHONPATH"] = os.pathsep.join((str(folder), changed["PYTHONPATH"]))
    command = [sys.executable, "-m", "edgekit", *arguments]
    return subprocess.run(command, env=changed, cwd=folder, capture_output=True, text=True, check=False, timeout=120)


def test_doctor_shows_torch_kernels_and_each_runtime(cli: Command) -> None:
    result = cli("doctor", "--json")
    assert result.code == 0, result.err
    document = json.loads(result.out)
    validate(document, "doctor")
    assert document["context"]["ready"] is True
    found = {row["name"]: row for row in document["results"]}
    assert found["torch"]["status"] == found["runtime lite"]["status"] == "ok"
    assert {"processor", "instructions", "memory", "cache", "quantized engines", "runtime android"} <= found.keys()
    assert all(row["remedy"] for row in document["results"] if row["status"] != "ok")


def test_doctor_names_no_private_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    home = tmp_path / "someone"
    (home / "work").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("TORCH_HOME", str(home / "weights"))
    monkeypatch.setenv("TMPDIR", str(home / "scratch"))
    monkeypatch.setenv("EDGEKIT_RUNNER", str(home / "bin" / "no-runner"))
    monkeypatch.chdir(home / "work")
    found = diagnosis.checks()
    assert "someone" not in "".join(check.found + check.remedy for check in found)
    assert next(check.found for check in found if check.name == "cache").startswith("~/.cache/edgekit, ")


def test_doctor_of_a_runtime_that_is_not_built_says_how_to_build_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(AndroidRuntime, "missing", lambda _: "runtime android is not built. Run make android-runtime.")
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "runtime android        MISSING   is not built" in out
    assert "Run make android-runtime." in out.partition("What to do:")[2]


@pytest.mark.parametrize("room", ["memory", "disk"])
def test_doctor_warns_of_little_room(room: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "_LEAST_MEMORY" if room == "memory" else "_LEAST_DISK", 1 << 60)
    found = {check.name: check for check in diagnosis.checks()}
    low = found["memory" if room == "memory" else "cache"]
    assert low.status == "warning"
    assert low.remedy
    assert diagnosis.is_ready(tuple(found.values()))


def test_doctor_of_a_folder_that_cannot_be_written_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis.os, "access", lambda *_: False)
    found = diagnosis.checks()
    assert not diagnosis.is_ready(found)
    assert {check.name: check.status for check in found}["working folder"] == "missing"


@pytest.mark.parametrize(("code", "what"), [(DAMAGED, "torch does not load"), (ABSENT, "torch is not installed")])
def test_doctor_without_torch_is_not_ready_and_has_the_install_line(tmp_path: Path, code: str, what: str) -> None:
    done = without_torch(tmp_path, code, "doctor")
    assert done.returncode == 4
    assert "Traceback" not in done.stdout + done.stderr
    assert f"torch                  MISSING   {what}" in done.stdout
    assert "pip install" in done.stdout.partition("What to do:")[2]
    assert "processor              ok" in done.stdout


@pytest.mark.parametrize(
    ("code", "what"), [(DAMAGED, "torch does not load: libtorch_cpu.so"), (ABSENT, "not installed")]
)
@pytest.mark.parametrize("verb", [("export", "resnet18"), ("run", "x.ptl", "a.jpg"), ("verify", "x.ptl"), ("models",)])
def test_verb_without_torch_has_the_install_line(tmp_path: Path, code: str, what: str, verb: tuple[str, ...]) -> None:
    done = without_torch(tmp_path, code, *verb)
    assert done.returncode == 4
    assert what in done.stderr
    assert "pip install " in done.stderr
    assert "Traceback" not in done.stderr
