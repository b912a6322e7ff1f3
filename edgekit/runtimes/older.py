"""Lite interpreters of older torch, each in its own environment: as old as Android's runtime and old boards."""

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch

from edgekit.errors import DeviceError, PackageError
from edgekit.format.archive import Archive
from edgekit.format.compare import Array
from edgekit.format.generator import generate
from edgekit.nested import named_arrays, structure_of
from edgekit.runtimes.base import Runtime
from edgekit.runtimes.environments import Environment
from edgekit.runtimes.hosts import ThisMachine
from edgekit.runtimes.lite import golden_cases, replay
from edgekit.runtimes.process import TIMEOUT_S
from edgekit.runtimes.results import CaseResult

_SCRIPT = Path(__file__).with_name("replay_older.py")


def environment(version: str) -> Environment:
    """The environment of an older torch."""
    return Environment(
        name=f"torch-{version}",
        torch=version,
        others=("numpy<2",),
        newest_python=(3, 11),  # that all of them have wheels for
        size="3 to 5 GB",
    )


@dataclass(frozen=True, slots=True)
class _Answer:
    """The older interpreter's answer to one call, in the form of a module."""

    answer: dict[str, Any]
    folder: Path

    def run(self, method: str, inputs: Sequence[Array]) -> tuple[str, dict[str, Array]]:  # noqa: ARG002  answered beforehand
        if "error" in self.answer:
            raise DeviceError(f"{method} failed in the lite interpreter: {self.answer['error']}")
        value = self._value(self.answer["value"])
        return structure_of(value), named_arrays(value)

    def _value(self, stored: dict[str, Any]) -> Any:
        ((kind, content),) = stored.items()
        if kind == "tensor":
            return torch.from_numpy(np.load(self.folder / content))
        if kind == "dict":
            return {key: self._value(item) for key, item in content}
        if kind in ("tuple", "list"):
            items = [self._value(item) for item in content]
            return tuple(items) if kind == "tuple" else items
        return content


class OlderRuntime(Runtime):
    """The lite interpreter of an older torch, in a new process of its environment; the verdict is this process's."""

    def __init__(self, *, name: str, version: str) -> None:
        self.name = name
        self._version, self._environment = version, environment(version)

    def missing(self) -> str:
        return self._environment.missing()

    def verify(self, archive: Archive) -> tuple[CaseResult, ...]:
        cases, manifest = golden_cases(archive)
        calls = [(case.method, [generate(given) for given in case.inputs]) for case in cases]
        with self._answers(archive.path, calls, manifest.runtime.quantized_engine) as answers:
            return tuple(
                CaseResult(runtime=self.name, case=case.name, comparison=comparison)
                for case, answer in zip(cases, answers, strict=True)
                for comparison in replay(answer, case, manifest.method(case.method), manifest.tolerance)
            )

    def run(self, path: str | os.PathLike[str], method: str, inputs: Sequence[Array]) -> dict[str, Array]:
        with Archive(path) as archive:
            engine = archive.manifest.runtime.quantized_engine if archive.manifest else None
        with self._answers(Path(path), [(method, inputs)], engine) as (answer,):
            return answer.run(method, inputs)[1]

    @contextlib.contextmanager
    def _answers(
        self, package: Path, calls: Sequence[tuple[str, Sequence[Array]]], engine: str | None
    ) -> Iterator[tuple[_Answer, ...]]:
        """The older interpreter's answer to each call; their arrays are in files that the context removes."""
        python = self._environment.python()
        with tempfile.TemporaryDirectory(prefix="edgekit-") as scratch:
            folder = Path(scratch)
            cases = [
                {"method": method, "inputs": [_saved(array, folder) for array in inputs]} for method, inputs in calls
            ]
            job = {"package": str(package.resolve()), "cases": cases, "engine": engine}
            (folder / "job.json").write_text(json.dumps(job))
            yield tuple(_Answer(answer, folder) for answer in self._ask(python, folder, package))

    def _ask(self, python: Path, folder: Path, package: Path) -> list[dict[str, Any]]:
        command = [str(python), "-I", "-W", "ignore", str(_SCRIPT), str(folder)]
        try:
            done = ThisMachine().run(command, timeout_s=TIMEOUT_S)
        except DeviceError as error:
            raise DeviceError(f"runtime {self.name}: {error}") from error
        if done.exit_code:
            raise DeviceError(
                f"runtime {self.name}: it ended with {done.exit_code}: {done.last_line.rstrip('.')}. "
                f"If its environment is damaged, remove {self._environment.folder}; it will be made again."
            )
        try:
            answers = msgspec.json.decode((folder / "answers.json").read_bytes(), type=_Answers)
        except (OSError, msgspec.MsgspecError) as error:
            raise DeviceError(f"runtime {self.name}: its answers cannot be read: {error}.") from error
        if answers.refused is not None:
            raise PackageError(
                f"{package} does not load in torch {self._version}'s lite interpreter: {answers.refused.split('. ')[0]}. "
                "See edgekit compat for what it lacks."
            )
        return answers.cases


class _Answers(msgspec.Struct):
    """The document of `replay_older.py`: why the package was refused, or a value or an error for each case."""

    refused: str | None = None
    cases: list[dict[str, Any]] = []


def _saved(array: Array, folder: Path) -> str:
    name = f"input-{len(list(folder.glob('input-*.npy')))}.npy"
    np.save(folder / name, array)
    return name
