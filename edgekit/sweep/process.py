"""Exports one model in a child process, under a memory limit and a time-out. Without torch."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec

from edgekit.report.console import size
from edgekit.runtimes.hosts import Completed
from edgekit.sweep.child import REQUEST, ROW, failed
from edgekit.sweep.rows import Limits, ModelRequest, SweepRow

_POLL_S = 0.2
_SHARE = 0.75  # of the machine's memory, for all models at the same time
_PROCESSES = Path("/proc")
_COMMAND = (sys.executable, "-W", "ignore", "-m", "edgekit.sweep.child")
_SESSION, _RESIDENT = 3, 21  # the fields of /proc/PID/stat after the name


def can_limit_memory() -> bool:
    """Whether this system says how much memory the processes of a session have."""
    return (_PROCESSES / "self" / "stat").exists()


def memory_for_models() -> int:
    """The memory in bytes for all models at the same time."""
    return int(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") * _SHARE)


def run_model(request: ModelRequest, limits: Limits, stopped: Callable[[], bool]) -> SweepRow | None:
    """Exports a model in a new process, and ends this process and all that it started.

    Args:
        request: the model.
        limits: the time, the memory and the threads that it may take; the last two must be numbers here.
        stopped: asked all the time; true ends the work.

    Returns:
        The result, or None if the work was stopped.
    """
    with tempfile.TemporaryDirectory(prefix="edgekit-sweep-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / REQUEST).write_bytes(msgspec.json.encode(request))
        with (folder / "stderr").open("wb") as messages:
            # Its own session, so that an interrupt from the keyboard does not reach it, and all of it ends together.
            process = subprocess.Popen(
                [*_COMMAND, name, str(os.getpid()), str(limits.threads)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=messages,
                start_new_session=True,
            )
        child = _Child(process)
        try:
            over = child.wait(limits, stopped)
        finally:
            child.end()
        if over == _STOPPED:
            return None
        row = failed(request.source, over) if over else _row(request, folder, child)
        return replace(row, seconds=round(child.seconds, 1), peak_rss_bytes=child.peak_bytes)


_STOPPED = "stopped"


class _Child:
    """A process with its memory and its time."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self._started = time.monotonic()
        self.seconds = 0.0
        self.peak_bytes = 0
        self.exit_code: int | None = None
        with contextlib.suppress(OSError):  # the system ends this process first where memory is short
            (_PROCESSES / str(process.pid) / "oom_score_adj").write_text("1000")

    def wait(self, limits: Limits, stopped: Callable[[], bool]) -> str:
        """Waits for the end. Returns which limit was passed, in words; empty if the process ended by itself."""
        while not self._reaped(os.WNOHANG):
            self.seconds = time.monotonic() - self._started
            resident = _resident_bytes(self._process.pid)
            self.peak_bytes = max(self.peak_bytes, resident)
            if stopped():
                return _STOPPED
            if limits.memory_bytes is not None and resident > limits.memory_bytes:
                return f"more than {size(limits.memory_bytes)} of memory; --memory-limit raises the limit"
            if self.seconds > limits.timeout_s:
                return f"not finished after {limits.timeout_s:g} s; --timeout raises the limit"
            time.sleep(_POLL_S)
        return ""

    def end(self) -> None:
        """Kills what still runs, and waits for it."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._reaped(0)

    def _reaped(self, flags: int) -> bool:
        """Whether the process has ended; its largest memory is then known."""
        if self.exit_code is None:
            pid, status, usage = os.wait4(self._process.pid, flags)
            if pid == 0:
                return False
            self.exit_code = self._process.returncode = os.waitstatus_to_exitcode(status)
            unit = 1 if sys.platform == "darwin" else 1024
            self.peak_bytes = max(self.peak_bytes, usage.ru_maxrss * unit)
            self.seconds = time.monotonic() - self._started
        return True


def _row(request: ModelRequest, folder: Path, child: _Child) -> SweepRow:
    """The row that the process wrote, or one that says how the process ended."""
    try:
        return msgspec.json.decode((folder / ROW).read_bytes(), type=SweepRow)
    except (OSError, msgspec.MsgspecError):
        stderr = (folder / "stderr").read_text(errors="replace")
        done = Completed(exit_code=child.exit_code or 0, stderr=stderr)
        hint = "; the machine may be out of memory" if child.exit_code == -signal.SIGKILL else ""
        return failed(request.source, f"{done.last_line}{hint}")


def _resident_bytes(session: int) -> int:
    """The memory of all processes of a session together."""
    pages = 0
    for file in _PROCESSES.glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended
            fields = file.read_bytes().rpartition(b")")[2].split()
            if int(fields[_SESSION]) == session:
                pages += int(fields[_RESIDENT])
    return pages * os.sysconf("SC_PAGE_SIZE")
