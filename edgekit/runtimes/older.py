"""Lite interpreters of older torch, each in its own environment: as old as Android's runtime and old boards."""

import contextlib
import json
import logging
import os
import shutil
import sys
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
from edgekit.runtimes.cache import build_folder, cache_folder
from edgekit.runtimes.hosts import ThisMachine
from edgekit.runtimes.lite import golden_cases, replay
from edgekit.runtimes.process import TIMEOUT_S
from edgekit.runtimes.results import CaseResult

_NEWEST_PYTHON = (3, 11)  # that all of them have wheels for
_NEWEST_NAME = "python" + ".".join(map(str, _NEWEST_PYTHON))
_NUMPY = "numpy<2"
_SCRIPT = Path(__file__).with_name("replay_older.py")

_log = logging.getLogger(__name__)


def environment_folder(version: str) -> Path:
    """Where the environment is kept: the user's cache folder."""
    return cache_folder("runtimes", f"torch-{version}")


def environment(version: str) -> Path:
    """The Python of the environment, which is made on first use.

    Raises:
        DeviceError: it cannot be made.
    """
    folder = environment_folder(version)
    python = folder / "bin" / "python"
    if python.exists():
        return python
    if (base := _base_python()) is None:
        raise DeviceError(_no_wheel(version))
    _log.warning(
        "torch-%s: making its environment in %s, on first use only; this takes some minutes and 3 to 5 GB",
        version,
        folder,
    )
    with build_folder(folder) as temporary:
        _make([base, "-m", "venv", str(temporary)], version)
        pip = [str(temporary / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-input"]
        _make([*pip, f"torch=={version}", _NUMPY], version)
    _log.warning("torch-%s: its environment is ready", version)
    return python


def _base_python() -> str | None:
    """A Python that the older torch has wheels for."""
    if sys.version_info[:2] <= _NEWEST_PYTHON:
        return sys.executable
    return shutil.which(_NEWEST_NAME)


def _no_wheel(version: str) -> str:
    here = ".".join(map(str, sys.version_info[:2]))
    return (
        f"torch-{version}: there is no wheel for Python {here}. "
        f"Install {_NEWEST_NAME} beside it, where the PATH finds it."
    )


def _make(command: Sequence[str], version: str) -> None:
    """One step of making an environment."""
    done = ThisMachine().run(command)
    if done.exit_code:
        lines = (done.stdout + done.stderr).strip().splitlines()
        message = next((line for line in reversed(lines) if line.startswith("ERROR")), done.last_line)
        raise DeviceError(
            f"torch-{version}: its environment cannot be made: {message} "
            f"It needs pip, a package index that has torch {version} for this machine, and 3 to 5 GB."
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
        self._version = version

    def missing(self) -> str:
        made = (environment_folder(self._version) / "bin" / "python").exists()
        return "" if made or _base_python() else _no_wheel(self._version)

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
        python = environment(self._version)
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
                f"runtime {self.name}: it ended with {done.exit_code}: {done.last_line}. "
                f"If its environment is damaged, remove {environment_folder(self._version)}; it will be made again."
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
