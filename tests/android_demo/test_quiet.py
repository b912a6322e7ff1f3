"""The quiet lane: a command that passes prints one line; one that fails prints the end of its output, the log and the code."""

import subprocess
import sys
from pathlib import Path

QUIET = Path(__file__).parents[2] / "android_demo/tools/quiet.py"
REPORT = """<testsuite><testcase classname="A" name="good"/>
<testcase classname="A" name="left_out"><skipped message="not on this machine"/></testcase>
<testcase classname="B" name="bad"><failure>no</failure></testcase></testsuite>"""


def quiet(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, QUIET, *map(str, arguments)], capture_output=True, text=True)


def test_quiet_command_that_passes_prints_one_line(tmp_path: Path) -> None:
    done = quiet(tmp_path / "build/x.log", "sh", "-c", "echo chatter; echo more >&2")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"passed in 0 s; log: {tmp_path}/build/x.log\n"
    assert (tmp_path / "build/x.log").read_text() == "chatter\nmore\n"


def test_quiet_command_that_fails_shows_the_end_and_the_log(tmp_path: Path) -> None:
    done = quiet(tmp_path / "x.log", "sh", "-c", "seq 1000; exit 3")
    assert done.returncode == 3
    assert done.stdout.splitlines() == [*map(str, range(961, 1001)), f"FAILED with 3 in 0 s; log: {tmp_path}/x.log"]


def test_quiet_junit_counts_the_new_reports_and_names_what_was_skipped(tmp_path: Path) -> None:
    reports = tmp_path / "app/target/surefire-reports"
    reports.mkdir(parents=True)
    (reports / "TEST-old.xml").write_text(REPORT)
    (tmp_path / "new.xml").write_text(REPORT)
    done = quiet(
        "--junit",
        tmp_path,
        tmp_path / "x.log",
        "sh",
        "-c",
        f"sleep 0.1; touch -d '1 hour ago' {reports}/TEST-old.xml; cp {tmp_path}/new.xml {reports}/TEST-new.xml",
    )
    first, second = done.stdout.splitlines()
    assert first.startswith("passed in 0 s: 3 tests, 1 failed, 1 skipped")
    assert second == f"  skipped: A.left_out: not on this machine; log: {tmp_path}/x.log"
