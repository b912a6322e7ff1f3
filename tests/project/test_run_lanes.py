"""The summary of `make test` counts every lane and shows every failure."""

import subprocess
import sys
from pathlib import Path

RUN_LANES = Path(__file__).parents[2] / "tools" / "run_lanes.py"
REPORT = """<testsuites><testsuite>
<testcase classname="tests.t" name="good" time="0.5"/>
<testcase classname="tests.t" name="long" time="7.5"/>
<testcase classname="tests.t" name="left" time="0"><skipped message="no board is here"/></testcase>
{more}</testsuite></testsuites>"""
FAILURE = '<testcase classname="tests.t" name="bad" time="0"><failure message="no"/></testcase>'


def run(folder: Path, makefile: str, *lanes: str, more: str = "") -> subprocess.CompletedProcess[str]:
    (folder / "Makefile").write_text(makefile)
    (folder / "report.xml").write_text(REPORT.format(more=more))
    return subprocess.run([sys.executable, RUN_LANES, *lanes], cwd=folder, capture_output=True, text=True)


def test_run_lanes_that_pass_are_quiet(tmp_path: Path) -> None:
    done = run(tmp_path, "one two:\n\techo native chatter\n\tcp report.xml build/logs/$@.xml\n", "one", "one two")
    assert done.returncode == 0
    assert "native chatter" not in done.stdout
    assert "native chatter" in (tmp_path / "build/logs/two.log").read_text()
    assert "  2 x no board is here\n" in done.stdout
    assert "     7.5 s  tests.t::long\n" in done.stdout
    assert done.stdout.splitlines()[-1] == "4 passed, 0 failed, 2 skipped"


def test_run_lanes_failed_lane_shows_its_log_and_the_others_run(tmp_path: Path) -> None:
    one = "one:\n\techo native chatter\n\tcp report.xml build/logs/$@.xml\n\tfalse\n"
    makefile = one + "two:\n\tcp report.xml build/logs/$@.more.xml\n"
    done = run(tmp_path, makefile, "one", "two", more=FAILURE)
    assert done.returncode == 1
    assert "native chatter" in done.stdout
    assert "one: failed in" in done.stdout
    assert "two: passed in" in done.stdout
    assert done.stdout.splitlines()[-1] == "4 passed, 2 failed, 2 skipped"


def test_run_lanes_beside_run_at_the_same_time(tmp_path: Path) -> None:
    wait = "\tfor _ in $$(seq 300); do test -e other || sleep 0.1; done; test -e other\n\tcp report.xml build/logs/one.xml\n"
    makefile = f"one:\n{wait}two:\n\ttouch other\n\tcp report.xml build/logs/two.xml\nthree:\n\tfalse\n"
    done = run(tmp_path, makefile, "one", "--beside", "two", "three")
    assert done.returncode == 1
    assert "one: passed in" in done.stdout
    assert "three: failed in" in done.stdout
    assert done.stdout.splitlines()[-1] == "4 passed, 1 failed, 2 skipped"


def test_run_lanes_build_that_fails_counts_as_a_failure(tmp_path: Path) -> None:
    done = run(tmp_path, "one:\n\tfalse\n", "one")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "0 passed, 1 failed, 0 skipped"


def test_run_lanes_lane_without_tests_fails(tmp_path: Path) -> None:
    done = run(tmp_path, "one:\n\ttrue\n", "one")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "0 passed, 1 failed, 0 skipped"


def test_run_lanes_report_of_an_earlier_run_is_not_counted(tmp_path: Path) -> None:
    run(tmp_path, "one:\n\tcp report.xml build/logs/one.xml\n", "one")
    assert run(tmp_path, "one:\n\tfalse\n", "one").stdout.splitlines()[-1] == "0 passed, 1 failed, 0 skipped"
