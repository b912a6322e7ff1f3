"""The C++ runner as a process: built for this machine, or for aarch64 boards and run by qemu."""

import json
import logging
import os
import platform
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgekit.errors import DeviceError, PackageError, UsageError
from edgekit.format.archive import Archive
from edgekit.format.compare import Comparison
from edgekit.runtimes.base import CaseResult

VARIABLE = "EDGEKIT_RUNNER"  # the native runner's command line, say "qemu-aarch64 -cpu cortex-a53 PATH"
_BUILT = {"native": "build/cpp/release/cli/edgekit-runner", "aarch64": "build/edgekit-aarch64/bin/edgekit-runner"}
_TARGET = {"native": "make runner", "aarch64": "make runner-aarch64"}
_QEMU = ("qemu-aarch64", "-cpu", "cortex-a72")  # a Raspberry Pi 4
_PASSED, _VERDICT_FAILED = 0, 1
_WARNING = "edgekit-runner: warning: "

_log = logging.getLogger(__name__)


def find_runner(name: str) -> tuple[str, ...]:
    """The command line of the runner: $EDGEKIT_RUNNER, in the working folder's build, in that of edgekit's sources, or on the
    PATH.

    Raises:
        DeviceError: it is not built, or the emulator is missing.
    """
    if name == "native" and (told := shlex.split(os.environ.get(VARIABLE, ""))):
        if shutil.which(told[0]) is None:
            raise DeviceError(f"{VARIABLE} names {told[0]}, which is no program here. Correct or unset it.")
        return tuple(told)
    candidates = [_BUILT[name], str(Path(__file__).parents[2] / _BUILT[name])]
    if name == "native":
        candidates.append(shutil.which("edgekit-runner") or "")
    program = next((Path(path).resolve() for path in candidates if path and Path(path).is_file()), None)
    if program is None:
        raise DeviceError(f"the {name} runner is not built. Build it with `{_TARGET[name]}`.")
    if name == "native" or platform.machine() == "aarch64":
        return (str(program),)
    if shutil.which(_QEMU[0]) is None:
        raise DeviceError(f"{_QEMU[0]} is not installed; on Debian: apt-get install qemu-user.")
    return (*_QEMU, str(program))


class RunnerRuntime:
    """Golden cases by `edgekit-runner verify`, whose verdict uses the same metric."""

    def __init__(self, name: str, command: Sequence[str]) -> None:
        self.name = name
        self._command = tuple(command)

    def selftest(self, archive: Archive) -> tuple[CaseResult, ...]:
        """Lets the runner replay the package's golden cases."""
        document = self._call((_PASSED, _VERDICT_FAILED), "verify", str(archive.path))
        return tuple(self._result(row) for row in document["results"])

    def bench(self, path: str | os.PathLike[str], options: Sequence[str] = ()) -> dict[str, Any]:
        """The runner's bench document; `options` are those of `edgekit-runner bench`."""
        return self._call((_PASSED,), "bench", os.fspath(path), *options)

    def _result(self, row: dict[str, Any]) -> CaseResult:
        return CaseResult(runtime=self.name, case=row["case"], comparison=Comparison.from_row(row))

    def _call(self, expected: Sequence[int], *arguments: str) -> dict[str, Any]:
        command = [*self._command, *arguments, "--json"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        except OSError as error:
            raise DeviceError(f"{self._command[-1]} does not start: {error}.") from error
        if done.returncode not in expected:
            raise self._failure(done.returncode, done.stderr.strip() or f"it ended with {done.returncode}")
        try:
            document: dict[str, Any] = json.loads(done.stdout)
        except ValueError as error:
            told = done.stderr.strip() or f"exit code {done.returncode}"
            raise DeviceError(f"{self._command[-1]} printed no document ({told}). Is it an edgekit-runner?") from error
        for line in done.stderr.splitlines():
            if line.startswith(_WARNING):
                _log.warning("the %s runner: %s", self.name, line.removeprefix(_WARNING))
        return document

    def _failure(self, code: int, told: str) -> Exception:
        kind = {UsageError.exit_code: UsageError, PackageError.exit_code: PackageError}.get(code, DeviceError)
        return kind(f"the {self.name} runner failed: {told.removeprefix('edgekit-runner: ')}")
