"""The cost of finishing in the workshop: an export from a newer torch through a ready workshop, against the same in one process.

    python benchmarks/workshop_cost.py --python NEWEST_ENVIRONMENT/bin/python

This Python is the workshop and the one process. The bound of the time is one process plus what the second interpreter imports.
Memory is the sum of the peaks, as the kernel keeps them, of the processes that live at one moment. For two processes, which need
not have their peaks at the same time, it is an upper bound.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from common import interleaved, parser, report, summary

ROOT = Path(__file__).parents[1]
TIME_BOUND, MEMORY_BOUND = 1.0, 1.8
EVERY_S = 0.01
WORKSHOP, ONE, IMPORTS = "workshop", "one process", "imports"


def commands(python: str, model: str, folder: Path) -> dict[str, Sequence[str]]:
    """The same export both ways, and an interpreter that imports what the workshop's process does."""
    export = ("-m", "edgekit", "export", model, "--weights", "random", "-o")
    return {
        WORKSHOP: (python, *export, str(folder / "workshop.ptl")),
        ONE: (sys.executable, *export, str(folder / "one.ptl")),
        IMPORTS: (sys.executable, "-W", "ignore", "-c", "import edgekit.workshop_process"),
    }


def peak_together(arguments: Sequence[str]) -> int:
    """Runs a command. Returns the largest sum of the peaks of its processes, in bytes."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    peak = 0
    while process.poll() is None:
        peak = max(peak, sum(_peak(pid) for pid in _family(process.pid)))
        time.sleep(EVERY_S)
    if process.returncode:
        sys.exit(f"{' '.join(arguments)} ended with {process.returncode}")
    return peak


def _family(pid: int) -> Iterator[int]:
    """A process and its descendants."""
    yield pid
    try:
        children = [
            int(word) for file in Path(f"/proc/{pid}/task").glob("*/children") for word in file.read_text().split()
        ]
    except OSError:  # it has ended
        return
    for child in children:
        yield from _family(child)


def _peak(pid: int) -> int:
    """The largest resident memory of a process so far."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:")), 0)


def measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    asked = commands(options.python, options.model, folder)
    costs = interleaved(asked, options.rounds or 5)
    results: dict[str, Any] = {"model": options.model}
    for figure in ("wall_s", "cpu_s"):
        sides = {name: summary([getattr(cost, figure) for cost in found]) for name, found in costs.items()}
        ratios = {key: sides[WORKSHOP][key] / (sides[ONE][key] + sides[IMPORTS][key]) for key in ("median", "min")}
        results[figure] = {**sides, "ratio": ratios}
    peaks: dict[str, list[float]] = {WORKSHOP: [], ONE: []}
    for _ in range(options.rounds or 3):
        for name, found in peaks.items():
            found.append(peak_together(asked[name]))
    sides = {name: summary(found) for name, found in peaks.items()}
    results["peak_rss_bytes"] = {
        **sides,
        "ratio": {key: sides[WORKSHOP][key] / sides[ONE][key] for key in ("median", "min")},
    }
    return results


def print_results(results: dict[str, Any]) -> None:
    print(f"{results['model']:<22}{WORKSHOP:>10}{ONE:>13}{IMPORTS:>9}{'ratio':>8}{'of minima':>11}")
    for title, key, unit, bound in (
        ("wall time, s", "wall_s", 1.0, TIME_BOUND),
        ("CPU time, s", "cpu_s", 1.0, TIME_BOUND),
        ("peak memory, MB", "peak_rss_bytes", 1e6, MEMORY_BOUND),
    ):
        found, ratio = results[key], results[key]["ratio"]
        sides = [f"{found[name]['median'] / unit:.4g}" if name in found else "" for name in (WORKSHOP, ONE, IMPORTS)]
        print(
            f"  {title:<20}{sides[0]:>10}{sides[1]:>13}{sides[2]:>9}{ratio['median']:>8.2f}{ratio['min']:>11.2f}   bound {bound}"
        )


def main() -> None:
    options_parser = parser(__doc__)
    options_parser.add_argument(
        "--python", required=True, help="the interpreter of an environment with a torch without XNNPACK"
    )
    options_parser.add_argument("--model", default="resnet18", help="a name of torchvision")
    options = options_parser.parse_args()
    os.environ |= {"EDGEKIT_WORKSHOP": sys.executable, "PYTHONPATH": str(ROOT)}
    report(options, measure, print_results)


if __name__ == "__main__":
    main()
