"""The C++ runner as a process, on this machine or on another host.

`EDGEKIT_RUNNER` is the command line of the runner for `--runtime native`, for example
`qemu-aarch64 -cpu cortex-a53 build/edgekit-aarch64/bin/edgekit-runner`. Without it, the first of these that exists counts:
the working folder's build, the build of edgekit's own sources, what `edgekit build-runner` built, the program on the PATH.
"""

import os
import shlex
import shutil
from pathlib import Path

from edgekit.errors import DeviceError
from edgekit.runtimes.checkout import ROOT, how_to_build
from edgekit.runtimes.hosts import Host
from edgekit.runtimes.process import ProcessRuntime
from edgekit.runtimes.results import OperatorRow
from edgekit.runtimes.runner_build import runner_program

VARIABLE = "EDGEKIT_RUNNER"


class RunnerRuntime(ProcessRuntime):
    """`edgekit-runner`, whose verdict uses the same metric as Python's.

    Args:
        path: where the build leaves the program, relative to the folder of the sources.
        make_target: what builds it.
        installed: the program's name on the PATH; empty where only the build counts.
        variable: an environment variable that holds the whole command line; empty for none.
    """

    program = "edgekit-runner"

    def __init__(
        self, *, name: str, host: Host, path: str, make_target: str, installed: str = "", variable: str = ""
    ) -> None:
        super().__init__(name, host)
        self._path = path
        self._make_target = make_target
        self._installed = installed
        self._variable = variable

    def missing(self) -> str:
        return self._found()[1] or self.host.missing()

    def command(self, verb: str, package: str = "") -> list[str]:
        program, why = self._found()
        if why:
            raise DeviceError(why)
        return [*program, verb, *([package] if package else []), "--json"]

    def operators(self) -> tuple[str, ...]:
        return tuple(row.name for row in self.call(OperatorRow, self.command("ops")))

    def _found(self) -> tuple[list[str], str]:
        """The command line of the program, or why there is none."""
        if self._variable and os.environ.get(self._variable, "").strip():
            return _from_variable(self._variable)
        candidates = [Path(self._path), ROOT / self._path]
        if self._installed:  # what runs on this machine
            elsewhere = (runner_program(), shutil.which(self._installed))
            candidates += [Path(found) for found in elsewhere if found]
        program = next((path for path in candidates if path.is_file()), None)
        if program is None:
            return [], f"the {self.name} runner is not built. {how_to_build(self._make_target)}"
        return [self.host.put(program)], ""


def _from_variable(variable: str) -> tuple[list[str], str]:
    try:
        command = shlex.split(os.environ[variable])
    except ValueError as error:
        return [], f"{variable} is not a command line: {error}. Correct or unset it."
    if shutil.which(command[0]) is None:
        return [], f"{variable} names {command[0]}, which is not a program on this machine. Correct or unset it."
    return command, ""
