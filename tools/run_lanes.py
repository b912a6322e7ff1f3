"""Runs lanes of tests one after another and prints one summary; their own output goes to build/logs/.

Usage: run_lanes.py LANE... [--beside LANE...]

A lane is one Make target, or several in one argument ("android-apk test-android"), which bears the name of the last one.
The lanes after --beside run at the same time as those before it: the build of the app leaves a core idle most of the time.
The output of a lane is printed only when it fails. Test counts come from the JUnit files that the lanes leave.
"""

import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

LOGS = Path("build/logs")
ALSO = "android_demo/*/target/surefire-reports/TEST-*.xml"  # Maven has its own place for them
SLOWEST = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """One test of a report; `reason` says why it was skipped."""

    name: str
    outcome: str
    seconds: float
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """A lane that has ended."""

    name: str
    code: int
    seconds: float
    tests: tuple[Test, ...]

    def count(self, outcome: str) -> int:
        """How many tests ended so; a lane that failed without a failed test counts as one, for example when a build fails."""
        found = sum(test.outcome == outcome for test in self.tests)
        return 1 if outcome == "failed" and self.failed and not found else found

    @property
    def failed(self) -> bool:
        """Whether its command failed or ran no test."""
        return self.code != 0 or not self.tests


def read_report(path: Path) -> Iterator[Test]:
    """The tests of a JUnit file, as pytest, CTest and Maven write them."""
    for case in ElementTree.parse(path).iter("testcase"):
        skipped, seconds = case.find("skipped"), float(case.get("time", 0))
        name = "::".join(filter(None, (case.get("classname"), case.get("name"))))
        if case.find("failure") is not None or case.find("error") is not None:
            yield Test(name=name, outcome="failed", seconds=seconds)
        elif skipped is not None:
            reason = skipped.get("message") or "no reason is given"
            yield Test(name=name, outcome="skipped", seconds=seconds, reason=reason)
        else:
            yield Test(name=name, outcome="passed", seconds=seconds)


def reports(name: str) -> list[Path]:
    """The JUnit files of a lane."""
    also = Path().glob(ALSO) if name == "test-android" else ()
    return sorted([*LOGS.glob(f"{name}.*xml"), *also])


def run_lane(targets: Sequence[str]) -> Lane:
    """Runs Make targets with their output in a log, and prints the log if they fail."""
    name = targets[-1]
    log = LOGS / f"{name}.log"
    for old in reports(name):
        old.unlink()
    print(f"{name}: running, output in {log}", flush=True)
    begin = time.monotonic()
    with log.open("wb") as output:
        make = [os.environ.get("MAKE", "make"), "--no-print-directory", *targets]
        code = subprocess.run(make, stdout=output, stderr=subprocess.STDOUT, check=False).returncode
    tests = tuple(test for path in reports(name) for test in read_report(path))
    lane = Lane(name=name, code=code, seconds=time.monotonic() - begin, tests=tests)
    if lane.failed:
        print(log.read_text(errors="replace"), flush=True)
    print(f"{name}: {'failed' if lane.failed else 'passed'} in {lane.seconds:.0f} s", flush=True)
    return lane


def summary(lanes: Sequence[Lane]) -> str:
    """The table of the lanes, what was skipped and why, the slowest tests, and the plain last line."""
    outcomes = ("passed", "failed", "skipped")
    width = max(len(lane.name) for lane in lanes)
    lines = ["", f"{'lane':<{width}}  {'passed':>7} {'failed':>7} {'skipped':>7} {'seconds':>8}"]
    for lane in lanes:
        counts = " ".join(f"{lane.count(outcome):>7}" for outcome in outcomes)
        lines.append(f"{lane.name:<{width}}  {counts} {lane.seconds:>8.0f}")
    tests = [test for lane in lanes for test in lane.tests]
    reasons = Counter(test.reason for test in tests if test.outcome == "skipped")
    lines += ["", "skipped:"] * bool(reasons) + [f"  {count} x {reason}" for reason, count in reasons.most_common()]
    slowest = sorted(tests, key=lambda test: test.seconds, reverse=True)[:SLOWEST]
    lines += ["", "slowest:", *(f"  {test.seconds:6.1f} s  {test.name}" for test in slowest), ""]
    totals = [f"{sum(lane.count(outcome) for lane in lanes)} {outcome}" for outcome in outcomes]
    return "\n".join([*lines, ", ".join(totals)])


def run_lanes(lanes: Sequence[str]) -> list[Lane]:
    """Runs lanes one after another, also after one has failed."""
    return [run_lane(lane.split()) for lane in lanes]


def main(arguments: Sequence[str]) -> int:
    """Runs every lane."""
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    LOGS.mkdir(parents=True, exist_ok=True)
    first = arguments.index("--beside") if "--beside" in arguments else len(arguments)
    with ThreadPoolExecutor() as pool:
        beside = pool.submit(run_lanes, arguments[first + 1 :])
        lanes = run_lanes(arguments[:first]) + beside.result()
    print(summary(lanes))
    return int(any(lane.failed for lane in lanes))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
