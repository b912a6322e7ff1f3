"""Compares the runner's default threads with both pools at each power of two, at all cores except one, and at all cores,
interleaved.

Compares it, in turn, with both pools at each power of two, at all cores but one, and at all cores. Exits 1 if the default is
more than 10 % slower than the best. Other work on the machine slows down settings with several threads most, so the minimum
decides.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from common import parser, print_context, print_document, summary

ALLOWED = 1.10
RUNNER = "build/cpp/release/cli/edgekit-runner"


def settings() -> dict[str, tuple[list[str], dict[str, str]]]:
    """The options and the environment of each setting, by name."""
    cores = len(os.sched_getaffinity(0))
    made: dict[str, tuple[list[str], dict[str, str]]] = {"default": ([], {})}
    powers = {1 << bit for bit in range(cores.bit_length())}
    for threads in sorted({*powers, cores - 1, cores} - {0}):
        for pool in ("xnnpack", "openmp"):
            made[f"{threads} x {pool}"] = (["--threads", str(threads), "--pool", pool], {})
    made["OMP_NUM_THREADS=1"] = ([], {"OMP_NUM_THREADS": "1"})
    return made


def measure(runner: str, package: Path, options: list[str], environment: dict[str, str]) -> float:
    """Runs one process. Returns its minimum in ms."""
    command = [runner, "bench", str(package), "--json", "--min-seconds", "1", *options]
    clean = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=clean | environment)
    return float(json.loads(done.stdout)["results"][0]["min_ms"])


def main() -> int:
    arguments = parser(__doc__)
    arguments.add_argument("packages", nargs="+", type=Path, help=".ptl files")
    arguments.add_argument("--runner", default=RUNNER)
    options = arguments.parse_args()
    print_context()
    results = {}
    for package in options.packages:
        samples: dict[str, list[float]] = {name: [] for name in settings()}
        for _ in range(options.rounds or 5):
            for name, (flags, environment) in settings().items():
                samples[name].append(measure(options.runner, package, flags, environment))
        results[package.stem] = {name: summary(found) for name, found in samples.items()}
    if options.json:
        print_document(results)
    worst = 0.0
    for model, rows in results.items():
        best = min(row["min"] for row in rows.values())
        worst = max(worst, rows["default"]["min"] / best)
        for name, row in rows.items():
            line = f"{model:24} {name:20} min {row['min']:8.2f} ms   {row['min'] / best:5.2f} x the best"
            print(line, file=sys.stderr if options.json else sys.stdout)
    return 0 if worst <= ALLOWED else 1


if __name__ == "__main__":
    sys.exit(main())
