"""Runs a command whose output goes to a log, and prints one line when it ends; the end of the log too when it fails.

    quiet.py [--junit FOLDER] LOG COMMAND...

With --junit it counts the tests that Maven's surefire ran under FOLDER meanwhile, and names those that were skipped.
"""

import argparse
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

SHOWN_LINES = 40


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--junit", type=Path)
    parser.add_argument("log", type=Path)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args(arguments)
    options.log.parent.mkdir(parents=True, exist_ok=True)
    began, start = time.time(), time.monotonic()
    with options.log.open("w", encoding="utf-8") as log:
        code = subprocess.run(options.command, stdout=log, stderr=subprocess.STDOUT, check=False).returncode
    seconds = time.monotonic() - start
    if code != 0:
        print("\n".join(options.log.read_text(encoding="utf-8", errors="replace").splitlines()[-SHOWN_LINES:]))
    counted = summary(options.junit, began) if options.junit else ""
    print(f"{'passed' if code == 0 else f'FAILED with {code}'} in {seconds:.0f} s{counted}; log: {options.log}")
    return code


def summary(folder: Path, began: float) -> str:
    """The tests of the reports that were written since then."""
    cases = [
        case
        for path in sorted(folder.glob("*/target/surefire-reports/TEST-*.xml"))
        if path.stat().st_mtime >= began
        for case in ElementTree.parse(path).getroot().iter("testcase")
    ]
    failed = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    skipped = [case for case in cases if case.find("skipped") is not None]
    lines = [f"\n  skipped: {case.get('classname')}.{case.get('name')}: {reason(case)}" for case in skipped]
    return f": {len(cases)} tests, {len(failed)} failed, {len(skipped)} skipped{''.join(lines)}"


def reason(case: ElementTree.Element) -> str:
    skipped = case.find("skipped")
    return "no reason" if skipped is None else skipped.get("message") or "no reason"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
