"""Runs seeded mutants of a package in Python and in the runner, and counts what must not happen: `make torture N=10000`.

Crashes, hangs, tracebacks, and mutants with their old digests that give another answer. A mutant with other digests may give
another answer. Each mutant runs in a fork of a process that has torch loaded but has not used it, in Python and in the runner's
command line (cpp_runner/tests/forks.cpp). For mutants with other digests this fork has the part of the isolated process,
so a crash or a hang is contained. Some mutants run as a user runs them, by whole programs with isolation.
"""

import argparse
import contextlib
import json
import os
import resource
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from mutants import Mutant, Mutants
from reliability import write_figures
from small_net import net

import edgekit
import edgekit.cli.run
import edgekit.model
import edgekit.report.console
import edgekit.report.documents
import edgekit.sources.inputs  # what a run imports, so that no fork does
from edgekit.cli.main import main as edgekit_main
from edgekit.errors import EXIT_BUG

ROOT = Path(__file__).resolve().parent.parent
RUNNER = "build/cpp/release/cli/edgekit-runner"
MEMORY = Path("/dev/shm")  # a file system without a disk, where there is one
# Limits of a fork, as in forks.cpp. A hang takes processor time, or is asleep.
CPU_S, ALL_S, MOST_BYTES = 15, 120, 4 << 30
LATE = (-signal.SIGXCPU, -signal.SIGALRM)
WHOLE_EVERY = 251  # not a multiple of the kinds of mutants, so that each kind comes
TOOLS = ("python", "python, whole", "runner", "runner, whole")
BAD = ("crash", "hang", "traceback", "bug", "silent difference")

Tally = Counter[tuple[str, str, str]]
Tool = Callable[[list[str], Path], int]


def run_all(count: int, seed: int, jobs: int, folder: Path, runner: list[str]) -> tuple[Tally, list[str]]:
    """The number of outcomes by tool and digests of the mutant, and a line for each that must not happen."""
    package, answer = make_package(folder)
    mutants = Mutants(package, seed)
    workers = []
    for job in range(jobs):
        if not (worker := os.fork()):
            code = 1
            try:
                with (folder / f"outcomes{job}").open("w") as file:
                    for outcome in run_some(mutants, range(job, count, jobs), folder, runner, answer):
                        file.write(json.dumps(outcome) + "\n")
                code = 0
            finally:
                os._exit(code)
        workers.append(worker)
    if sum(os.waitpid(worker, 0)[1] for worker in workers):
        raise RuntimeError("a worker failed")
    tally, findings = Tally(), []
    for job in range(jobs):
        for line in (folder / f"outcomes{job}").read_text().splitlines():
            tool, digests, number, what, outcome = json.loads(line)
            tally[tool, digests, outcome] += 1
            if outcome in BAD:
                findings.append(f"{tool}, mutant {number} ({what}): {outcome}")
    return tally, sorted(findings)


def make_package(folder: Path) -> tuple[Path, "np.ndarray"]:
    """A small package made by another process, so that this one has not used torch; and its answer."""
    package = folder / "good.ptl"
    subprocess.run([sys.executable, __file__, "--export", package], check=True, stdout=subprocess.DEVNULL)
    np.save(folder / "x.npy", np.linspace(-1, 1, 3 * 16 * 16, dtype=np.float32).reshape(1, 3, 16, 16))
    command = ["run", str(package), "--input", str(folder / "x.npy"), "-o", str(folder / "good.npy")]
    subprocess.run([sys.executable, "-m", "edgekit", *command], check=True, stdout=subprocess.DEVNULL)
    return package, np.load(folder / "good.npy")


def export(package: Path) -> None:
    edgekit.export(net(), "1x3x16x16", name="tortured", output=package, server=False)


def run_some(
    mutants: Mutants, numbers: range, folder: Path, runner: list[str], answer: "np.ndarray"
) -> Iterator[tuple[str, str, int, str, str]]:
    """Runs these mutants one after the other. Yields the tool, the mutant and the outcome of each run."""
    with runner_forks(runner) as in_runner:
        tools: dict[str, Tool] = {"python": in_fork, "runner": in_runner}
        whole: dict[str, Tool] = {
            "python, whole": lambda command, out: in_program([sys.executable, "-m", "edgekit", *command], out),
            "runner, whole": lambda command, out: in_program([*runner, *command], out),
        }
        for number in numbers:
            mutant = mutants.make(number)
            for name, tool in (tools | whole if number % WHOLE_EVERY == 0 else tools).items():
                yield name, mutant.digests, number, mutant.what, outcome_of(name, tool, mutant, folder, answer)


def in_fork(command: list[str], out: Path) -> int:
    """Runs Python's command line in a fork. Returns the exit code, or the negative number of a signal."""
    process = os.fork()
    if process:
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    for limit, most in ((resource.RLIMIT_CPU, CPU_S), (resource.RLIMIT_DATA, MOST_BYTES), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(limit, (most, most))
    signal.alarm(ALL_S)
    file = os.open(out, os.O_WRONLY | os.O_CREAT)
    os.dup2(file, 1)
    os.dup2(file, 2)
    code = EXIT_BUG
    try:
        code = edgekit_main([*command, "--isolate", "never"])
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
        os._exit(code)


@contextlib.contextmanager
def runner_forks(runner: list[str]) -> Iterator[Tool]:
    """The runner's command line in forks of one process, which lies beside the runner in its build."""
    server = [*runner[:-1], str(Path(runner[-1]).resolve().parents[1] / "tests" / "edgekit_forks")]
    process = subprocess.Popen(server, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    sent, answers = process.stdin, process.stdout

    def run(command: list[str], out: Path) -> int:
        print(out, *command, "--isolate", "never", sep="\t", file=sent, flush=True)
        return int(answers.readline())

    with process:
        yield run
        sent.close()


def in_program(command: list[str], out: Path) -> int:
    with out.open("w") as file, contextlib.suppress(subprocess.TimeoutExpired):
        environment = os.environ | {"EDGEKIT_ISOLATE": "auto"}
        done = subprocess.run(command, check=False, stdout=file, stderr=file, env=environment, timeout=2 * ALL_S)
        return done.returncode
    return -signal.SIGALRM


def outcome_of(name: str, tool: Tool, mutant: Mutant, folder: Path, answer: "np.ndarray") -> str:
    place = Path(tempfile.mkdtemp(dir=folder))
    package, output, out = place / "x.ptl", place / "y.npy", place / "out"
    package.write_bytes(mutant.content)
    command = ["run", str(package), "--input", str(folder / "x.npy"), "-o", str(output)]
    code = tool([*command, "--isolate-seconds", str(ALL_S)], out)
    text = out.read_text(errors="replace")
    same = code == 0 and output.exists() and np.array_equal(np.load(output), answer)
    for file in place.iterdir():
        file.unlink()
    place.rmdir()
    return judged(code, text, same=same, isolated="whole" not in name, trusted=mutant.digests == "old")


def judged(code: int, text: str, *, same: bool, isolated: bool, trusted: bool) -> str:
    """The outcome of a run. `isolated`: it had the part of the isolated process."""
    if code < 0 and isolated and not trusted:
        return "contained"
    if code < 0:
        return "hang" if code in LATE else "crash"
    if "Traceback" in text:
        return "traceback"
    if code == EXIT_BUG:
        return "bug"
    if code == 0 and not same:
        return "silent difference" if trusted else "other answer"
    if "isolated process" in text:
        return "contained"
    return "same answer" if code == 0 else "refused"


def page(tally: Tally, count: int, seed: int, seconds: float) -> str:
    """The table of the tally, as docs/reliability.md has it."""
    outcomes = ("refused", "same answer", "other answer", "contained", *BAD)
    rows = [f"| digests | tool | {' | '.join(outcomes)} |", "|---" * (len(outcomes) + 2) + "|"]
    for digests in ("old", "remade", "none"):
        for tool in TOOLS:
            rows.append(f"| {digests} | {tool} | " + " | ".join(str(tally[tool, digests, o]) for o in outcomes) + " |")
    head = f"`make torture N={count} SEED={seed}`, {seconds / 60:.0f} minutes, torch {torch.__version__}:"
    return "\n".join((head, "", *rows))


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
    with tempfile.TemporaryDirectory(dir=MEMORY if os.access(MEMORY, os.W_OK) else None) as folder:
        # Without the record of this package, every mutant is a file that nobody vouches for.
        os.environ["XDG_CACHE_HOME"] = folder
        tally, findings = run_all(options.n, options.seed, options.jobs, Path(folder), runner)
    text = page(tally, options.n, options.seed, time.monotonic() - begin)
    print(text, *findings, sep="\n")
    if options.write:
        write_figures("torture", text)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
