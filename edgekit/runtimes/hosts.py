"""Where a process runs: put a file there, run a command there, get a file back.

A host may be another machine, so paths there are texts. All ways in which a process can end are handled here.
"""

import contextlib
import os
import platform
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edgekit.errors import DeviceError, EdgekitError, PackageError, UsageError

_KINDS: dict[int, type[EdgekitError]] = {kind.exit_code: kind for kind in (UsageError, PackageError)}
_NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """A process that has ended; a negative exit code is the signal that ended it."""

    exit_code: int
    stdout: str = ""
    stderr: str = ""

    @property
    def ending(self) -> str:
        """How it ended: the signal or the exit code."""
        if self.exit_code >= 0:
            return f"exit code {self.exit_code}"
        known = {int(number): number.name for number in signal.Signals}
        return f"the process was ended by {known.get(-self.exit_code, f'signal {-self.exit_code}')}"

    @property
    def last_line(self) -> str:
        """The last line on stderr; how it ended where it was killed or printed nothing."""
        lines = [] if self.exit_code < 0 else self.stderr.strip().splitlines()
        return lines[-1] if lines else self.ending


def failure(what: str, done: Completed, message: str = "") -> EdgekitError:
    """The exception of a process that failed: of the kind that its exit code says, with its last line by default."""
    return _KINDS.get(done.exit_code, DeviceError)(f"{what}: {message or done.last_line}")


class Host(Protocol):
    """Every method except `missing` raises DeviceError where the host fails."""

    def missing(self) -> str:
        """Why it cannot be used, and the remedy; empty where it can. Never raises."""
        ...

    def put(self, file: Path) -> str:
        """Makes a file available there and gives its path there."""
        ...

    def get(self, path: str) -> bytes:
        """The content of a file there."""
        ...

    def folder(self) -> AbstractContextManager[str]:
        """An empty folder there, which is removed at the end."""
        ...

    def run(
        self, command: Sequence[str], *, timeout_s: float | None = None, env: Mapping[str, str] = _NOTHING
    ) -> Completed:
        """Runs a command there until it ends, whatever its exit code.

        Args:
            command: a program of the host and its arguments.
            timeout_s: the longest time, after which the process is killed; None for no limit.
            env: variables to add to the environment.

        Raises:
            DeviceError: it does not start, or gives no answer in time.
        """
        ...


class ThisMachine:
    """A process of this machine's own processor."""

    def missing(self) -> str:
        return ""

    def put(self, file: Path) -> str:
        return str(file.resolve())

    def get(self, path: str) -> bytes:
        try:
            return Path(path).read_bytes()
        except OSError as error:
            raise DeviceError(f"{path} cannot be read: {error.strerror or error}.") from error

    @contextlib.contextmanager
    def folder(self) -> Iterator[str]:
        try:
            made = tempfile.TemporaryDirectory(prefix="edgekit-", ignore_cleanup_errors=True)
        except OSError as error:
            raise DeviceError(
                f"a temporary folder cannot be made: {error.strerror or error}. Free some disk space."
            ) from error
        with made as path:
            yield path

    def run(
        self, command: Sequence[str], *, timeout_s: float | None = None, env: Mapping[str, str] = _NOTHING
    ) -> Completed:
        try:
            # Its own session, so that a program which starts others ends with all of them.
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
                env=os.environ | env,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise DeviceError(f"{command[0]} does not start: {getattr(error, 'strerror', None) or error}.") from error
        with process:
            try:
                out, err = process.communicate(timeout=timeout_s)
            except subprocess.TimeoutExpired as error:
                _kill(process)
                raise DeviceError(f"{command[0]} gave no answer within {timeout_s:g} s.") from error
            except BaseException:
                _kill(process)
                raise
        return Completed(exit_code=process.returncode, stdout=out, stderr=err)


def _kill(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Qemu(ThisMachine):
    """Programs of another processor, emulated by qemu's user mode; run directly where this machine is of that kind.

    Args:
        machine: the processor's kind, for example aarch64.
        cpu: the model that is emulated, for example cortex-a72; empty for qemu's default.
        root: a root file system of that processor, which is then always used with qemu; empty for this machine's.
    """

    machine: str
    cpu: str = ""
    root: str = ""

    def missing(self) -> str:
        if not self._prefix() or shutil.which(self._program):
            return ""
        return f"{self._program} is not installed. On Debian: apt-get install qemu-user."

    def run(
        self, command: Sequence[str], *, timeout_s: float | None = None, env: Mapping[str, str] = _NOTHING
    ) -> Completed:
        if not (prefix := self._prefix()):
            return ThisMachine.run(self, command, timeout_s=timeout_s, env=env)
        # Variables for the emulated program alone: LD_PRELOAD would reach qemu itself.
        variables = [word for name, value in env.items() for word in ("-E", f"{name}={value}")]
        return ThisMachine.run(self, [*prefix, *variables, *command], timeout_s=timeout_s)

    @property
    def _program(self) -> str:
        return f"qemu-{self.machine}"

    def _prefix(self) -> list[str]:
        if not self.root and platform.machine() == self.machine:
            return []
        cpu = ["-cpu", self.cpu] if self.cpu else []
        root = ["-L", self.root] if self.root else []
        return [self._program, *cpu, *root]
