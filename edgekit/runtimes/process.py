"""A program with the verbs verify, run and bench, which prints one JSON document: the C++ runner, and Android's library."""

import io
import logging
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from edgekit.errors import DeviceError
from edgekit.format.archive import Archive
from edgekit.runtimes.base import Runtime
from edgekit.runtimes.hosts import Completed, Host, failure
from edgekit.runtimes.results import (
    BenchRequest,
    BenchResult,
    CaseResult,
    CaseRow,
    OutputFile,
    from_document,
)

if TYPE_CHECKING:
    from edgekit.format.compare import Array

PASSED, VERDICT_FAILED = 0, 1
TIMEOUT_S = 7200.0  # enough for an emulator; bench has no limit, because the user chooses its length
Row = TypeVar("Row")

_log = logging.getLogger(__name__)


class ProcessRuntime(Runtime):
    """Runs a package in a new process of a host. A subclass knows the command line."""

    program = ""  # the name that the program puts before its messages on stderr

    def __init__(self, name: str, host: Host) -> None:
        self.name = name
        self.host = host

    def command(self, verb: str, package: str = "") -> list[str]:
        """The command line there, without further options.

        Raises:
            DeviceError: the program is not on this machine.
        """
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        """Variables that the program needs."""
        return {}

    def verify(self, archive: Archive) -> tuple[CaseResult, ...]:
        found = self.call(CaseRow, self._on("verify", archive.path), (PASSED, VERDICT_FAILED))
        return tuple(row.result() for row in found)

    def bench(self, path: str | os.PathLike[str], request: BenchRequest) -> BenchResult:
        options = ["--method", request.method, "--iterations", str(request.iterations)]
        options += ["--warmup", str(request.warmup), "--min-seconds", f"{request.min_seconds:g}"]
        options += [] if request.threads is None else ["--threads", str(request.threads)]
        options += ["--ops"] if request.per_operator else []
        return self._only(self.call(BenchResult, [*self._on("bench", path), *options], timeout_s=None))

    def run(self, path: str | os.PathLike[str], method: str, inputs: Sequence["Array"]) -> dict[str, "Array"]:
        import numpy as np

        command = [*self._on("run", path), "--method", method]
        with tempfile.TemporaryDirectory(prefix="edgekit-") as here, self.host.folder() as there:
            for index, array in enumerate(inputs):
                file = Path(here) / f"{index}.npy"
                np.save(file, array)
                command += ["--input", self.host.put(file)]
            found = self.call(OutputFile, [*command, "-o", f"{there}/output.npy"])
            return {row.output: self._array(f"{there}/{Path(row.file or '').name}") for row in found}

    def call(
        self,
        row: type[Row],
        command: Sequence[str],
        expected: Sequence[int] = (PASSED,),
        timeout_s: float | None = TIMEOUT_S,
    ) -> tuple[Row, ...]:
        """The rows of the document that a command prints.

        Raises:
            EdgekitError: it ends with another exit code than expected, of the kind that the code says.
        """
        try:
            done = self.host.run(command, timeout_s=timeout_s, env=self.environment())
        except DeviceError as error:
            raise DeviceError(f"runtime {self.name}: {error}") from error
        if done.exit_code not in expected or not done.stdout.strip():
            raise failure(f"runtime {self.name}", done, self._message(done))
        for line in done.stderr.splitlines():
            if self.program and line.startswith(self._warning):
                _log.warning("runtime %s: %s", self.name, line.removeprefix(self._warning))
        return from_document(done.stdout, row, self.name)

    @property
    def _warning(self) -> str:
        return f"{self.program}: warning: "

    def _on(self, verb: str, package: str | os.PathLike[str]) -> list[str]:
        return self.command(verb, self.host.put(Path(package)))

    def _message(self, done: Completed) -> str:
        """The program's own message where it has one, which may have several lines; empty for the last line."""
        if done.exit_code == 0:
            return f"{done.ending}, and it printed no document"
        lines = [line for line in done.stderr.splitlines() if not line.startswith(self._warning)]
        own = [index for index, line in enumerate(lines) if line.startswith(f"{self.program}: ")]
        if done.exit_code < 0 or not self.program or not own:
            return ""
        return "\n".join(lines[own[-1] :]).removeprefix(f"{self.program}: ").strip()

    def _only(self, rows: tuple[Row, ...]) -> Row:
        if len(rows) != 1:
            raise DeviceError(f"runtime {self.name}: its document has {len(rows)} results; expected 1.")
        return rows[0]

    def _array(self, path: str) -> "Array":
        import numpy as np

        try:
            array: Array = np.load(io.BytesIO(self.host.get(path)), allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise DeviceError(f"runtime {self.name}: {path} is not a .npy file: {error}.") from error
        return array
