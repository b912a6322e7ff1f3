"""`edgekit sweep`: exports in child processes, results of every kind, limits, interrupts, and going on."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from cli.command import Result, environment
from schemas import validate

from sweep.running import INPUT, command, models, runs, stored, sweep, until


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """A sweep with a result of each kind."""
    folder = tmp_path_factory.mktemp("swept")
    return folder, sweep(folder, *models("linear", "quiet", "raises", "dies"), *INPUT, "--jobs", 2, "--json")


def test_sweep_has_a_row_of_each_kind_in_the_order_given(swept: tuple[Path, Result]) -> None:
    folder, result = swept
    assert result.code == 1, result.err
    document = json.loads(result.out)
    validate(document, "sweep")
    assert document == json.loads((folder / "build" / "sweep" / "sweep.json").read_text())
    counts = {key: document["context"][key] for key in ("models", "verified", "unproven", "failed")}
    assert counts == {"models": 4, "verified": 1, "unproven": 1, "failed": 2}
    linear, quiet, raises, dies = document["results"]
    assert (linear["status"], linear["reason"], linear["capture"]) == ("verified", "", "trace")
    assert linear["package_bytes"] > 1000
    assert linear["peak_rss_bytes"] > 50e6
    assert 0.1 < linear["seconds"] < 300
    assert "android-1.12.2" in linear["fits"]
    assert quiet["status"] == "UNPROVEN"
    assert quiet["reason"].startswith("forward: 0. The cases give almost the same answer")
    assert (raises["status"], raises["operator"], raises["package_bytes"]) == ("failed", "foo::bar_baz", None)
    assert "no kernel for foo::bar_baz" in raises["reason"]
    assert (dies["status"], dies["reason"]) == ("failed", "the process was ended by SIGSEGV")


def test_sweep_page_has_a_table_that_markdown_reads(swept: tuple[Path, Result]) -> None:
    page = (swept[0] / "build" / "sweep" / "sweep.md").read_text()
    assert page.startswith("# Models\n")
    assert "It ran 4 models: 1 verified, 1 UNPROVEN, 2 failed" in page
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert len(rows) == 6
    assert {line.replace("\\|", "").count("|") for line in rows} == {11}


def test_sweep_leaves_only_its_three_files(swept: tuple[Path, Result]) -> None:
    found = sorted(path.name for path in swept[0].rglob("*") if path.is_file())
    assert found == ["state.jsonl", "sweep.json", "sweep.md"]


def test_sweep_goes_on_only_with_resume_and_the_same_options(swept: tuple[Path, Result]) -> None:
    folder, first = swept
    sweep(folder, *models("linear"), *INPUT).failed(2, "results of 4 models", "--resume")
    sweep(folder, *models("linear"), "--resume").failed(2, "inputs 1x8, and this one has none")
    again = sweep(folder, *models("quiet", "linear"), *INPUT, "--resume", "--json")
    rows = json.loads(first.out)["results"]
    assert json.loads(again.out)["results"] == [rows[1], rows[0]]  # the same seconds: nothing ran again


def test_sweep_memory_and_time_limits_end_a_model_and_the_next_one_runs(tmp_path: Path) -> None:
    result = sweep(tmp_path, *models("hungry", "linear"), *INPUT, "--jobs", 1, "--memory-limit", "2G", "-v")
    assert result.code == 1
    hungry, linear = stored(tmp_path)
    assert (hungry["status"], linear["status"]) == ("failed", "verified")
    assert hungry["reason"] == "more than 2.0 GB of memory; --memory-limit raises the limit"
    assert 2e9 < hungry["peak_rss_bytes"] < 4e9
    assert "linear: verified" in result.err
    late = sweep(
        tmp_path, *models("hungry", "linear"), *INPUT, "--jobs", 1, "--resume", "--retry-failed", "--timeout", "0.5"
    )
    assert late.code == 1
    linear, hungry = stored(tmp_path)
    assert hungry["reason"] == "not finished after 0.5 s; --timeout raises the limit"
    assert linear["status"] == "verified"


def test_sweep_interrupted_ends_its_children_and_goes_on_later(tmp_path: Path) -> None:
    given = (*models("raises", "waits"), *INPUT, "--jobs", 1)
    process = subprocess.Popen(command(*given), cwd=tmp_path, env=environment(), stderr=subprocess.PIPE, text=True)
    until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    child = int((tmp_path / "pid").read_text())
    assert runs(child)
    assert len(stored(tmp_path)) == 1
    process.send_signal(signal.SIGINT)
    message = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert "interrupted; 1 of 2 models are in" in message
    assert "Traceback" not in message
    assert not runs(child)
    before = stored(tmp_path)
    (tmp_path / "go").touch()
    assert sweep(tmp_path, *given, "--resume").code == 1
    assert [row["status"] for row in stored(tmp_path)] == ["failed", "verified"]
    assert stored(tmp_path)[0] == before[0]


def test_sweep_killed_takes_its_children_along(tmp_path: Path) -> None:
    process = subprocess.Popen(command(*models("waits"), *INPUT), cwd=tmp_path, env=environment())
    until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    sweep(tmp_path, *models("linear"), *INPUT).failed(2, "another sweep is at work there")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    until(lambda: not runs(int((tmp_path / "pid").read_text())))
