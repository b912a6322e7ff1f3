"""Breaks exports and looks at what they leave: `make faults`.

Exports are killed at many moments, meet a read-only folder or a full disk, or run twice at once. No file under a final name may
be half-written, and the next export must succeed. Each export runs in a fork of this process, which has torch loaded.
"""

import argparse
import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from reliability import write_figures

from edgekit.cli.main import main as edgekit_main
from edgekit.errors import EXIT_BUG, UsageError
from edgekit.format.archive import Archive

# What an export imports, so that no fork does.
IMPORTED = ("edgekit.pipeline", "edgekit.cli.export", "edgekit.report.console")
NET = Path(__file__).with_name("small_net.py")
NAMESPACE = ("unshare", "--map-root-user", "--mount")  # in which this process may mount
OPERATIONS = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir")  # on files, as sys.addaudithook names them
OLD_S = 120  # leftovers that are younger may have an owner
MOST_KB = 96  # of the full disk; a whole export needs more


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`exports` were broken; `faults` says what was wrong afterwards."""

    what: str
    exports: int
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Undisturbed:
    """An export that nothing disturbs: its package, its processor time and its operations on files of the output folder."""

    package: bytes
    cpu_s: float
    operations: int


def start(output: Path, prepare: Callable[[], None] = lambda: None) -> int:
    """Starts an export in a fork, which calls `prepare` first. Returns its process."""
    if process := os.fork():
        return process
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    code = EXIT_BUG
    with contextlib.suppress(BaseException):
        prepare()
        code = edgekit_main(["export", f"{NET}:net", "--input", "1x3x16x16", "-o", str(output)])
    os._exit(code)


def end(process: int) -> int:
    """Waits for an export. Returns its exit code, or the negative number of the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def kill_after(cpu_s: float) -> None:
    """Has the system end this process after some processor time, as abruptly as SIGKILL does."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, cpu_s)


def before_operation(folder: Path, act: Callable[[int], object]) -> None:
    """Has this process call `act` with the number of each operation on a file in the folder, before the operation."""
    number = 0

    def see(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal number
        if event in OPERATIONS and str(arguments[0]).startswith(str(folder)):
            act(number)
            number += 1

    sys.addaudithook(see)


def kill_before(folder: Path, number: int) -> None:
    before_operation(folder, lambda at: os.kill(os.getpid(), signal.SIGKILL) if at == number else None)


def undisturbed(folder: Path) -> Undisturbed:
    with tempfile.TemporaryFile() as seen:
        count = partial(before_operation, folder, lambda _: os.write(seen.fileno(), b"."))
        _, status, usage = os.wait4(start(folder / "net.ptl", count), 0)
        operations = os.fstat(seen.fileno()).st_size
    if status:
        raise RuntimeError(f"an undisturbed export ends with {os.waitstatus_to_exitcode(status)}")
    with Archive(folder / "net.ptl") as archive:
        archive.check_digests()
    package = (folder / "net.ptl").read_bytes()
    return Undisturbed(package=package, cpu_s=usage.ru_utime + usage.ru_stime, operations=operations)


def half_written(folder: Path, good: bytes) -> list[str]:
    """The files under final names that are not what an export writes."""
    return [path.name for path in sorted(folder.iterdir()) if path.name[0] != "." and not is_whole(path, good)]


def is_whole(path: Path, good: bytes) -> bool:
    if path.suffix == ".ptl":
        return path.read_bytes() == good
    try:
        if path.suffix == ".json":
            json.loads(path.read_text())
            return True
        with zipfile.ZipFile(path) as file:
            return file.testzip() is None
    except (OSError, ValueError, zipfile.BadZipFile):
        return False


def after(folder: Path, good: bytes) -> list[str]:
    """What the next export leaves behind or does wrong."""
    for left in folder.iterdir():
        os.utime(left, (time.time() - OLD_S, time.time() - OLD_S))
    if (code := end(start(folder / "net.ptl"))) != 0:
        return [f"the next export ends with {code}"]
    left = [f"{path.name} stays" for path in folder.iterdir() if path.name[0] == "."]
    return left + half_written(folder, good)


def kills(folder: Path, whole: Undisturbed, count: int) -> Outcome:
    """Kills half of the exports before an operation on a file, and half after some processor time, both evenly spread."""
    half = count // 2
    moments = [partial(kill_before, folder, whole.operations * number // half) for number in range(half)]
    moments += [partial(kill_after, whole.cpu_s * (number + 0.5) / (count - half)) for number in range(count - half)]
    faults: list[str] = []
    killed = 0
    for number, moment in enumerate(moments):
        killed += end(start(folder / "net.ptl", moment)) < 0
        faults += (f"killed at moment {number}: {name} is not whole" for name in half_written(folder, whole.package))
        for path in folder.glob("net.*"):
            path.unlink()
    return Outcome(what="killed", exports=killed, faults=(*faults, *after(folder, whole.package)))


def two_at_once(folder: Path, whole: Undisturbed, count: int) -> Outcome:
    """Runs pairs of exports to one name."""
    faults: list[str] = []
    for _ in range(count):
        codes = [end(process) for process in [start(folder / "net.ptl"), start(folder / "net.ptl")]]
        faults += (f"an export of two ends with {code}" for code in codes if code)
        faults += half_written(folder, whole.package)
    return Outcome(what="two at once", exports=2 * count, faults=(*faults, *after(folder, whole.package)))


def read_only(folder: Path, whole: Undisturbed) -> Outcome:
    mount(folder, "size=64m")
    mount(folder, "remount,ro")
    faults = refused(folder)
    mount(folder, "remount,rw")
    faults += after(folder, whole.package)
    subprocess.run(["umount", folder], check=True)
    return Outcome(what="read-only folder", exports=1, faults=tuple(faults))


def disk_full(folder: Path, whole: Undisturbed, count: int) -> Outcome:
    """Exports to disks that are too small by different sizes."""
    mount(folder, "size=4k")
    faults: list[str] = []
    for number in range(count):
        mount(folder, f"remount,size={4 + (MOST_KB - 4) * number // count}k")
        faults += refused(folder)
    mount(folder, "remount,size=64m")
    faults += after(folder, whole.package)
    subprocess.run(["umount", folder], check=True)
    return Outcome(what="full disk", exports=count, faults=tuple(faults))


def refused(folder: Path) -> list[str]:
    """What is wrong with an export that must be refused and leave nothing."""
    code = end(start(folder / "net.ptl"))
    left = [f"{path.name} was left" for path in folder.iterdir()]
    expected = UsageError.exit_code
    return left if code == expected else [f"an export ends with {code} instead of {expected}", *left]


def mount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)


def may_mount() -> bool:
    with contextlib.suppress(OSError):
        return subprocess.run([*NAMESPACE, "true"], check=False, stderr=subprocess.DEVNULL).returncode == 0
    return False


def run_all(root: Path, count: int, *, mounts: bool) -> list[Outcome]:
    """The scenarios, each in its own folder."""
    few = max(1, count // 10)
    scenarios: list[Callable[[Path, Undisturbed], Outcome]] = [
        partial(kills, count=count),
        partial(two_at_once, count=few),
    ]
    if mounts:
        scenarios += [read_only, partial(disk_full, count=few)]
    folders = [root / str(number) for number in range(len(scenarios) + 1)]
    for folder in folders:
        folder.mkdir()
    whole = undisturbed(folders.pop())
    return [scenario(folder, whole) for scenario, folder in zip(scenarios, folders, strict=True)]


def table(outcomes: list[Outcome], count: int) -> str:
    rows = ["| exports | number | faults |", "|---|---|---|"]
    rows += [f"| {it.what} | {it.exports} | {'; '.join(it.faults) or '0'} |" for it in outcomes]
    return "\n".join((f"`make faults N={count}`, torch {torch.__version__}:", "", *rows))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("-n", type=int, default=50, help="the number of exports to kill, at least 2")
    parser.add_argument("--write", action="store_true", help="write the figures into docs/reliability.md")
    parser.add_argument("--mounts", action="store_true", help=argparse.SUPPRESS)  # this process may mount
    options = parser.parse_args()
    if not options.mounts and may_mount():
        os.execvp(NAMESPACE[0], [*NAMESPACE, sys.executable, "-W", "ignore", *sys.argv, "--mounts"])
    if not options.mounts:
        print("faults: no mounts on this machine, so no read-only folder and no full disk", file=sys.stderr)
    torch.set_num_threads(1)
    for module in IMPORTED:
        importlib.import_module(module)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        outcomes = run_all(Path(folder).resolve(), options.n, mounts=options.mounts)
    text = table(outcomes, options.n)
    print(text)
    if options.write:
        write_figures("faults", text)
    return 1 if any(it.faults for it in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
