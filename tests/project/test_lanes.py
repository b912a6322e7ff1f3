"""Every test runs: it is in one lane, and a Make target selects that lane."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from lanes import LANES, assign, folder_lane

ROOT = Path(__file__).parents[2]
MAKEFILES = ("Makefile", "cpp_runner/runner.mk", "android_demo/android.mk")
COLLECT = """
import json, sys, pytest
class Collector:
    def pytest_collection_finish(self, session):
        for item in session.items:
            print("\\n" + json.dumps([item.nodeid, sorted({marker.name for marker in item.iter_markers()})]), end="")
        print(flush=True)
sys.exit(pytest.main(["--collect-only", "-qq", "-p", "no:cacheprovider"], plugins=[Collector()]))
"""
EVERYTHING = ""


def selected(makefiles: str) -> list[str]:
    """The expressions with which Make targets select tests."""
    return re.findall(r"\$\(PYTEST\) -m (\S+)", makefiles)


def problems(collected: Mapping[str, set[str]]) -> list[str]:
    """The tests that are in no lane, or in several."""
    lanes = {expression: tests for expression, tests in collected.items() if expression != EVERYTHING}
    homes = {test: [name for name, tests in lanes.items() if test in tests] for test in collected[EVERYTHING]}
    return [f"{test} is in {', '.join(home) or 'no lane'}" for test, home in sorted(homes.items()) if len(home) != 1]


@pytest.fixture(scope="module")
def expressions() -> list[str]:
    makefiles = "\n".join((ROOT / name).read_text() for name in MAKEFILES)
    return selected(makefiles)


@pytest.fixture(scope="module")
def collected(expressions: list[str]) -> dict[str, set[str]]:
    """The test ids that each expression selects: it is the name of a marker."""
    command = [sys.executable, "-c", COLLECT]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    markers = dict(json.loads(line) for line in done.stdout.splitlines() if line.startswith('["'))
    selected = {name: {test for test, names in markers.items() if name in names} for name in expressions}
    return {EVERYTHING: set(markers), **selected}


def test_lanes_hold_every_test_once(collected: dict[str, set[str]]) -> None:
    assert len(collected[EVERYTHING]) > 500
    assert problems(collected) == []


@pytest.mark.parametrize("lane", LANES)
def test_lanes_without_one_of_them_leave_orphans(collected: dict[str, set[str]], lane: str) -> None:
    orphans = problems({name: tests for name, tests in collected.items() if name != lane})
    assert {line.removesuffix(" is in no lane") for line in orphans} == collected[lane] != set()


def test_lanes_that_overlap_are_named() -> None:
    assert problems({EVERYTHING: {"t.py::a"}, "native": {"t.py::a"}, "slow": {"t.py::a"}}) == [
        "t.py::a is in native, slow"
    ]


def test_makefiles_select_by_lane_alone(expressions: list[str]) -> None:
    assert sorted({*expressions}) == sorted(LANES)
    makefiles = "\n".join((ROOT / name).read_text() for name in MAKEFILES)
    assert re.findall(r"--ignore|--deselect|\.py::", makefiles) == []


def test_assign_two_lanes_is_an_error(request: pytest.FixtureRequest) -> None:
    item = pytest.Function.from_parent(request.node.parent, name="made", callobj=lambda: None)
    item.add_marker("slow")
    item.add_marker("native")
    with pytest.raises(pytest.UsageError, match="made has the markers of 2 lanes: native, slow"):
        assign([item])


def test_folder_lane_is_python_by_default() -> None:
    assert folder_lane(ROOT / "tests/cpp_runner/test_x.py") == "native"
    assert folder_lane(ROOT / "tests/android_demo/deep/test_x.py") == "android"
    assert folder_lane(ROOT / "tests/test_x.py") == "python"
    assert folder_lane(Path("/elsewhere/test_x.py")) == "python"
