"""The C++ runner as a process: built for this machine, or for aarch64 boards and run by qemu."""

import json
import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgekit.compare import Comparison
from edgekit.errors import DeviceError, PackageError, UsageError
from edgekit.package.archive import Archive
from edgekit.runtimes.base import CaseResult

VARIABLE = "EDGEKIT_RUNNER"  # the native runner, where it is not found by itself
_BUILT = {"native": "build/cpp/release/cli/edgekit-runner", "aarch64": "build/edgekit-aarch64/bin/edgekit-runner"}
_TARGET = {"native": "make runner", "aarch64": "make runner-aarch64"}
_QEMU = ("qemu-aarch64", "-cpu", "cortex-a72")  # a Raspberry Pi 4
_PASSED, _VERDICT_FAILED = 0, 1


def find_runner(name: str) -> tuple[str, ...]:
    """The command line of the runner: in the working folder's build, in that of edgekit's sources, or on the PATH.

    Raises:
        DeviceError: it is not built, or the emulator is missing.
    """
    sources = Path(__file__).parents[2]
    candidates = [os.environ.get(VARIABLE, "")] if name == "native" else []
    candidates += [_BUILT[name], str(sources / _BUILT[name])]
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
    """Golden cases by `edgekit-runner selftest`, whose verdict uses the same metric."""

    def __init__(self, name: str, command: Sequence[str]) -> None:
        self.name = name
        self._command = tuple(command)

    def selftest(self, archive: Archive) -> tuple[CaseResult, ...]:
        """Lets the runner replay the package's golden cases."""
        return tuple(self._result(row) for row in self._call("selftest", str(archive.path))["results"])

    def bench(self, path: str | os.PathLike[str], options: Sequence[str] = ()) -> dict[str, Any]:
        """The runner's bench document; `options` are those of `edgekit-runner bench`."""
        return self._call("bench", os.fspath(path), *options)

    def _result(self, row: dict[str, Any]) -> CaseResult:
        fields = {key: value for key, value in row.items() if key not in ("runtime", "case")}
        if fields["worst_index"] is not None:
            fields["worst_index"] = tuple(fields["worst_index"])
        return CaseResult(runtime=self.name, case=row["case"], comparison=Comparison(**fields))

    def _call(self, *arguments: str) -> dict[str, Any]:
        try:
            done = subprocess.run([*self._command, *arguments, "--json"], capture_output=True, text=True, check=False)
        except OSError as error:
            raise DeviceError(f"{self._command[-1]} does not start: {error}.") from error
        if done.returncode not in (_PASSED, _VERDICT_FAILED):
            raise self._failure(done.returncode, done.stderr.strip() or f"it ended with {done.returncode}")
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    def _failure(self, code: int, told: str) -> Exception:
        kind = {UsageError.exit_code: UsageError, PackageError.exit_code: PackageError}.get(code, DeviceError)
        return kind(f"the {self.name} runner failed: {told.removeprefix('edgekit-runner: ')}")
