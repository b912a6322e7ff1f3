"""Runs a command on a file that nobody vouches for in a process of its own, under limits.

libtorch crashes or hangs on some damaged files. In another process this becomes an error with a name. The process is a new
program and does the whole command, so that the caller never loads the file. After each step it writes a byte to a pipe: a step
that takes longer than the limit ends it.
"""

import contextlib
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from edgekit.errors import DeviceError, EdgekitError, PackageError
from edgekit.runtimes.hosts import Completed

Mode = Literal["auto", "always", "never"]
SECONDS = 60.0  # for loading a file, and for each run
VARIABLE = "EDGEKIT_ISOLATE"  # the default of --isolate, also of the runner
_STEP, _LAST = b".", b"!"
_GRACE_S = 2.0
_MEMORY_SHARE = 0.9  # of the memory that is available
_ALLOCATION = re.compile(r"allocate memory|bad_alloc|out of memory", re.IGNORECASE)

_pipe = -1  # in the isolated process, where its steps are reported


def run_isolated(module: str, arguments: Sequence[str], package: str, seconds: float = SECONDS) -> int:
    """Runs a module of edgekit with these arguments, and returns its exit code.

    Raises:
        PackageError: the process was ended by a signal, or a step took too long.
        DeviceError: it does not start.
    """
    steps, theirs = os.pipe()
    # A folder with a file such as torch.py must not change what the program is.
    safe = [] if Path(__file__).parents[2] == Path.cwd() else ["-P"]
    command = [sys.executable, *safe, "-m", module, str(theirs), *arguments]
    try:
        process = subprocess.Popen(command, pass_fds=(theirs,))
    except OSError as error:
        os.close(steps)
        raise DeviceError(
            f"{sys.executable} does not start: {error.strerror or error}. Use --isolate never."
        ) from error
    finally:
        os.close(theirs)
    try:
        in_time = _wait(process, steps, seconds)
    except KeyboardInterrupt:
        _end(process)
        return 128 + signal.SIGINT
    finally:
        os.close(steps)
        process.kill()
        process.wait()
    remedy = "The file is damaged or hostile: get it again from someone whom you trust. --isolate never runs it without limits."
    if not in_time:
        raise PackageError(f"{package}: a step took longer than {seconds:g} s in the isolated process. {remedy}")
    if process.returncode < 0:
        ending = Completed(exit_code=process.returncode).ending
        raise PackageError(f"{package} was loaded in an isolated process, and {ending}. {remedy}")
    return process.returncode


def _wait(process: "subprocess.Popen[bytes]", steps: int, seconds: float) -> bool:
    """Whether each step came in time."""
    limited = True
    while True:
        end = time.monotonic() + seconds
        ready, _, _ = select.select([steps], [], [], seconds if limited else None)
        news = os.read(steps, 64) if ready else b""
        limited = limited and _LAST not in news
        if news:
            continue
        try:
            process.wait(max(0.0, end - time.monotonic()) if ready and limited else 0 if limited else None)
        except subprocess.TimeoutExpired:
            return False
        return True


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Ends an interrupted process. Ctrl-C reaches it too; SIGTERM does not."""
    with contextlib.suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
        process.wait(_GRACE_S)
        return
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
        process.wait(_GRACE_S)


def enter(pipe: int) -> None:
    """Makes this process the isolated one."""
    global _pipe  # noqa: PLW0603  a process is isolated or not
    import resource

    os.set_inheritable(pipe, False)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _pipe = pipe


def is_isolated() -> bool:
    """Whether this process is an isolated one."""
    return _pipe >= 0


def limit_memory() -> None:
    """In the isolated process, limits what it allocates from now on; called before libtorch reads a file."""
    if not is_isolated():
        return
    import resource

    with contextlib.suppress(OSError, ValueError):  # no /proc: no limit
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        found = re.search(r"MemAvailable:\s*(\d+) kB", Path("/proc/meminfo").read_text())
        if found:
            limit = used + int(int(found[1]) * 1024 * _MEMORY_SHARE)
            _, most = resource.getrlimit(resource.RLIMIT_AS)
            resource.setrlimit(resource.RLIMIT_AS, (limit if most < 0 else min(limit, most), most))


def step(*, last: bool = False) -> None:
    """In the isolated process, reports a step; after the last one there is no limit of time."""
    if is_isolated():
        with contextlib.suppress(OSError):
            os.write(_pipe, _LAST if last else _STEP)


def failure_kind(text: str) -> type[EdgekitError]:
    """The kind of an error of the interpreter: in the isolated process, too much memory is the file's fault."""
    return PackageError if is_isolated() and _ALLOCATION.search(text) else DeviceError
