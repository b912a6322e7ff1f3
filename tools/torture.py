"""Runs seeded mutants of a package in Python and in the runner, and counts what must not happen: `make torture N=10000`.

Crashes, hangs, tracebacks, and mutants with their old digests that give another answer. A mutant with remade digests may give
another answer. In Python each mutant runs in a fork of this process, which has torch loaded but has not used it; for mutants with
remade digests this fork has the part of the isolated process, so a crash or a hang is contained. Every 100th mutant runs as a
user runs it, with a whole Python process and isolation. The runner always runs as a user runs it.
"""

import argparse
import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from mutants import Mutant, Mutants
from torch import nn

import edgekit
import edgekit.cli.run
import edgekit.model
import edgekit.report.console
import edgekit.report.documents
import edgekit.sources.inputs  # what a run imports, so that no fork does
from edgekit.cli.main import main as edgekit_main
from edgekit.errors import EXIT_BUG

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reliability.md"
RUNNER = "build/cpp/release/cli/edgekit-runner"
STEP_S = 20  # the limit of a step in an isolated process, and of a whole mutant above it
WHOLE_EVERY = 100
BAD = ("crash", "hang", "traceback", "bug", "silent difference")
_START, _END = "<!-- torture: start -->", "<!-- torture: end -->"


@dataclass(slots=True)
class Job:
    tool: str
    mutant: Mutant
    process: int
    folder: Path
    end: float


def run_all(
    count: int, seed: int, jobs: int, folder: Path, runner: list[str]
) -> tuple[Counter[tuple[str, str, str]], list[str]]:
    """The number of outcomes by tool and kind of mutant, and a line for each that must not happen."""
    package, answer = make_package(folder)
    tally: Counter[tuple[str, str, str]] = Counter()
    findings, running = [], list[Job]()
    waiting = todo(Mutants(package, seed), count)
    while True:
        while len(running) < jobs and (next_one := next(waiting, None)):
            running.append(start(*next_one, folder, runner))
        if not running:
            return tally, findings
        for job in list(running):
            if (outcome := finished(job, answer)) is None:
                continue
            running.remove(job)
            kind = "remade" if job.mutant.remade else "old"
            tally[job.tool, kind, outcome] += 1
            if outcome in BAD:
                findings.append(f"{job.tool}, mutant {job.mutant.number} ({job.mutant.what}): {outcome}")
        time.sleep(0.002)


def make_package(folder: Path) -> tuple[Path, "np.ndarray"]:
    """A small package made by another process, so that this one has not used torch; and its answer."""
    package = folder / "good.ptl"
    subprocess.run([sys.executable, __file__, "--export", package], check=True, stdout=subprocess.DEVNULL)
    np.save(folder / "x.npy", np.linspace(-1, 1, 3 * 16 * 16, dtype=np.float32).reshape(1, 3, 16, 16))
    command = ["run", str(package), "--input", str(folder / "x.npy"), "-o", str(folder / "good.npy")]
    subprocess.run([sys.executable, "-m", "edgekit", *command], check=True, stdout=subprocess.DEVNULL)
    return package, np.load(folder / "good.npy")


def export(package: Path) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5))
    edgekit.export(model.eval(), "1x3x16x16", name="tortured", output=package, server=False)


def todo(mutants: Mutants, count: int) -> Iterator[tuple[str, Mutant]]:
    for number in range(count):
        mutant = mutants.make(number)
        yield "python", mutant
        yield "runner", mutant
        if number % WHOLE_EVERY in (0, 1):
            yield "python, whole", mutant


def start(tool: str, mutant: Mutant, folder: Path, runner: list[str]) -> Job:
    place = Path(tempfile.mkdtemp(dir=folder))
    (place / "x.ptl").write_bytes(mutant.content)
    command = ["run", str(place / "x.ptl"), "--input", str(folder / "x.npy"), "-o", str(place / "y.npy")]
    command += ["--isolate-seconds", str(STEP_S)]
    if tool == "python":
        process = fork(command, place)
    else:
        program = runner if tool == "runner" else [sys.executable, "-m", "edgekit"]
        environment = os.environ | {"EDGEKIT_ISOLATE": "auto"}
        opened = (os.POSIX_SPAWN_OPEN, 1, str(place / "out"), os.O_WRONLY | os.O_CREAT, 0o600)
        streams = [opened, (os.POSIX_SPAWN_DUP2, 1, 2)]
        process = os.posix_spawnp(program[0], [*program, *command], environment, file_actions=streams)
    return Job(tool, mutant, process, place, time.monotonic() + 3 * STEP_S)


def fork(command: list[str], place: Path) -> int:
    if process := os.fork():
        return process
    out = os.open(place / "out", os.O_WRONLY | os.O_CREAT)
    os.dup2(out, 1)
    os.dup2(out, 2)
    code = EXIT_BUG
    try:
        code = edgekit_main([*command, "--isolate", "never"])
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
        os._exit(code)


def finished(job: Job, answer: "np.ndarray") -> str | None:
    """The outcome of a job that has ended, or that is late; None before."""
    process, status = os.waitpid(job.process, os.WNOHANG)
    contained = job.tool == "python" and job.mutant.remade
    if process == 0:
        if time.monotonic() < job.end:
            return None
        os.kill(job.process, signal.SIGKILL)
        os.waitpid(job.process, 0)
        return "contained" if contained else "hang"
    text = (job.folder / "out").read_text(errors="replace")
    code = os.waitstatus_to_exitcode(status)
    output = job.folder / "y.npy"
    other = code == 0 and not (output.exists() and np.array_equal(np.load(output), answer))
    for file in job.folder.iterdir():
        file.unlink()
    job.folder.rmdir()
    if code < 0:
        return "contained" if contained else "crash"
    if "Traceback" in text:
        return "traceback"
    if code == EXIT_BUG:
        return "bug"
    if other:
        return "other answer" if job.mutant.remade else "silent difference"
    if "isolated process" in text:
        return "contained"
    return "same answer" if code == 0 else "refused"


def page(tally: Counter[tuple[str, str, str]], count: int, seed: int, seconds: float) -> str:
    """The table of the tally, as docs/reliability.md has it."""
    outcomes = ("refused", "same answer", "other answer", "contained", *BAD)
    rows = [f"| digests | tool | {' | '.join(outcomes)} |", "|---" * (len(outcomes) + 2) + "|"]
    for kind in ("old", "remade"):
        for tool in ("python", "python, whole", "runner"):
            rows.append(f"| {kind} | {tool} | " + " | ".join(str(tally[tool, kind, o]) for o in outcomes) + " |")
    head = f"`make torture N={count} SEED={seed}`, {seconds / 60:.0f} minutes, torch {torch.__version__}:"
    return "\n".join((_START, "", head, "", *rows, "", _END))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("-n", type=int, default=60, help="the number of mutants")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="write the figures into docs/reliability.md")
    parser.add_argument("--export", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.export:
        export(options.export)
        return 0
    torch.set_num_threads(1)
    runner = shlex.split(os.environ.get("EDGEKIT_RUNNER", "")) or [str(ROOT / RUNNER)]
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        # Without the record of this package, every mutant is a file that nobody vouches for.
        os.environ["XDG_CACHE_HOME"] = folder
        tally, findings = run_all(options.n, options.seed, options.jobs, Path(folder), runner)
    text = page(tally, options.n, options.seed, time.monotonic() - begin)
    print(text, *findings, sep="\n")
    if options.write:
        old = PAGE.read_text()
        PAGE.write_text(re.sub(f"{_START}.*{_END}", lambda _: text, old, flags=re.DOTALL))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
