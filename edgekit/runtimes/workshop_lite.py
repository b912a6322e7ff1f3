"""torch's lite interpreter in a process of the workshop, where this process's torch cannot run prepacked operators."""

import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import msgspec

from edgekit.format.archive import Archive
from edgekit.format.compare import Array
from edgekit.recording import Recording
from edgekit.runtimes.base import Runtime
from edgekit.runtimes.lite import LiteModule, LiteRuntime, Records
from edgekit.runtimes.results import BenchRequest, BenchResult, CaseResult, CaseRow
from edgekit.runtimes.workshop import has_kernels, missing, warm_workshop


class WorkshopModule:
    """A `.ptl` that stays loaded in the workshop's process; it has the methods `run` and `record` of `LiteModule`."""

    def __init__(self, path: str | os.PathLike[str], pool: str, engine: str | None) -> None:
        self._given = {"path": _absolute(path), "pool": pool, "engine": engine}
        self._load()

    def _load(self) -> None:
        self._workshop = warm_workshop()
        self._number = self._workshop.call("load", self._given)[0]["number"]

    def run(self, method: str, inputs: Sequence[Array]) -> tuple[str, dict[str, Array]]:
        """The structure and the named outputs of a method.

        Raises:
            DeviceError: the interpreter raised, or the process died.
        """
        if not self._workshop.alive:
            self._load()
        request = {"number": self._number, "method": method}
        message, arrays = self._workshop.call("call", request, inputs)
        return message["structure"], dict(zip(message["outputs"], arrays, strict=True))

    def record(self, method: str, inputs: Sequence[Array]) -> Recording:
        """The operators of a run of a method; see `edgekit.recording`."""
        if not self._workshop.alive:
            self._load()
        request = {"number": self._number, "method": method}
        return Recording.from_frame(*self._workshop.call("record", request, inputs))

    def __del__(self) -> None:
        if hasattr(self, "_number"):
            self._workshop.dropped.append(self._number)


class WorkshopLiteRuntime(Runtime):
    """The lite interpreter of the workshop's torch."""

    def __init__(self, *, name: str = "lite") -> None:
        self.name = name

    def missing(self) -> str:
        return missing()

    def verify(self, archive: Archive) -> tuple[CaseResult, ...]:
        rows, _ = warm_workshop().call("verify", {"path": _absolute(archive.path), "runtime": self.name})
        return tuple(row.result() for row in msgspec.convert(rows["rows"], tuple[CaseRow, ...]))

    def run(self, path: str | os.PathLike[str], method: str, inputs: Sequence[Array]) -> dict[str, Array]:
        request = {"path": _absolute(path), "method": method}
        message, arrays = warm_workshop().call("run", request, inputs)
        return dict(zip(message["outputs"], arrays, strict=True))

    def bench(self, path: str | os.PathLike[str], request: BenchRequest) -> BenchResult:
        asked = {"path": _absolute(path), "runtime": self.name, "request": asdict(request)}
        return msgspec.convert(warm_workshop().call("bench", asked)[0], BenchResult)


def lite_runtime(*, name: str) -> Runtime:
    """The lite interpreter: of this process's torch if it has XNNPACK, else of the workshop's."""
    return LiteRuntime(name=name) if has_kernels() else WorkshopLiteRuntime(name=name)


def open_lite(path: str | os.PathLike[str], pool: str, engine: str | None) -> Records:
    """A `.ptl` in that interpreter.

    Raises:
        PackageError: it does not load.
        DeviceError: this torch has no XNNPACK, and there is no workshop.
    """
    return LiteModule(path, pool, engine) if has_kernels() else WorkshopModule(path, pool, engine)


def _absolute(path: str | os.PathLike[str]) -> str:
    return str(Path(path).absolute())
