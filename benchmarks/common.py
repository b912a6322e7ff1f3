"""Shared by the benchmarks: processes with their time and peak memory, the context of a run, the JSON document."""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

SCHEMA_VERSION = "1.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """One process from start to end. Its CPU time, over all threads, is the figure that a busy machine disturbs least."""

    wall_s: float
    cpu_s: float
    peak_rss_bytes: int


def run_process(arguments: Sequence[str]) -> Cost:
    """Runs a command with one OpenMP thread, as edgekit's command line does.

    The peak memory is the kernel's `ru_maxrss`. A child process starts with the value of its parent, so the caller must use
    little memory.
    """
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    start = time.perf_counter()
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)
    assert process.stderr is not None
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall_s = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode:
        last = "\n".join(errors.decode(errors="replace").splitlines()[-5:])
        sys.exit(f"{' '.join(arguments)} ended with {process.returncode}:\n{last}")
    scale = 1 if sys.platform == "darwin" else 1024
    return Cost(wall_s=wall_s, cpu_s=usage.ru_utime + usage.ru_stime, peak_rss_bytes=usage.ru_maxrss * scale)


def interleaved(commands: dict[str, Sequence[str]], rounds: int) -> dict[str, list[Cost]]:
    """Runs the commands in turn, A B A B, so that a busy period of the machine affects all of them."""
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, arguments in commands.items():
            costs[name].append(run_process(arguments))
    return costs


def summary(samples: Sequence[float]) -> dict[str, Any]:
    return {"median": statistics.median(samples), "min": min(samples), "samples": list(samples)}


def context() -> dict[str, Any]:
    """The machine and the versions, without the names of the host and the user."""
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "governor": _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "load": [round(value, 2) for value in os.getloadavg()],
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: _version(name) for name in ("edgekit", "torch", "torchvision")},
    }


def _cpu() -> str:
    lines = (_read("/proc/cpuinfo") or "").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return None


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def print_context() -> None:
    """Prints the context on stderr, because it is not a result."""
    text = ", ".join(f"{key} {value}" for key, value in context().items() if value is not None)
    print(text, file=sys.stderr)


def print_document(results: Any) -> None:
    """Prints exactly one JSON document on stdout."""
    print(json.dumps({"schema_version": SCHEMA_VERSION, "context": context(), "results": results}, indent=1))


def report(
    options: argparse.Namespace,
    measure: Callable[[argparse.Namespace, Path], dict[str, Any]],
    print_results: Callable[[dict[str, Any]], None],
) -> None:
    """Measures in a temporary folder, and prints the context and the results, or with `--json` one document."""
    print_context()
    with tempfile.TemporaryDirectory() as folder:
        results = measure(options, Path(folder))
    if options.json:
        print_document(results)
    else:
        print_results(results)


def in_process(script: str, model: str, rounds: int) -> dict[str, Any]:
    """What `script --one MODEL` prints as JSON, in a new process with the thread settings of the command line."""
    arguments = [sys.executable, "-W", "ignore", script, "--one", model, "--rounds", str(rounds)]
    done = subprocess.run(arguments, stdout=subprocess.PIPE, check=False, env=os.environ | {"OMP_NUM_THREADS": "1"})
    if done.returncode:
        sys.exit(f"{model} failed with {done.returncode}; see above")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def parser(about: str | None) -> argparse.ArgumentParser:
    """A parser with the options of every benchmark."""
    made = argparse.ArgumentParser(description=about)
    made.add_argument("--json", action="store_true", help="print one JSON document, with the raw samples")
    made.add_argument("--rounds", type=int, help="how many times each is measured")
    return made
