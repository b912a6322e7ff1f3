"""Lite interpreters of older torch, each in an environment of its own: the era of Android's runtime and of old boards."""

import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from edgekit.errors import DeviceError, PackageError
from edgekit.format.archive import Archive
from edgekit.format.generator import generate
from edgekit.nested import named_arrays, structure_of
from edgekit.runtimes.base import Array, CaseResult
from edgekit.runtimes.lite import replay

VERSIONS = ("1.13.1", "2.1.0")
_NEWEST_PYTHON = (3, 11)  # that both have wheels for
_NUMPY = "numpy<2"
_TIMEOUT_S = 1800
_SCRIPT = Path(__file__).with_name("replay_older.py")

_log = logging.getLogger(__name__)


def environment_folder(version: str) -> Path:
    """Where the environment is kept: the user's cache folder."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "edgekit" / "runtimes" / f"torch-{version}"


def environment(version: str) -> Path:
    """The Python of the environment, which is made on first use.

    Raises:
        DeviceError: it cannot be made.
    """
    folder = environment_folder(version)
    python = folder / "bin" / "python"
    if python.exists():
        return python
    base = _base_python(version)
    _log.warning("torch-%s: making its environment in %s, this once; some minutes and 3 to 5 GB", version, folder)
    temporary: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".torch-{version}.", dir=folder.parent))
        _make([base, "-m", "venv", str(temporary)], version)
        pip = [str(temporary / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-input"]
        _make([*pip, f"torch=={version}", _NUMPY], version)
        try:
            temporary.rename(folder)
        except OSError:
            if not python.exists():  # another process has made it meanwhile otherwise
                raise
    except OSError as error:
        raise DeviceError(
            f"torch-{version}: {folder} cannot be made: {error.strerror or error}. Free the disk, or set XDG_CACHE_HOME."
        ) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
    _log.warning("torch-%s: its environment is ready", version)
    return python


def _base_python(version: str) -> str:
    if sys.version_info[:2] <= _NEWEST_PYTHON:
        return sys.executable
    name = "python" + ".".join(map(str, _NEWEST_PYTHON))
    found = shutil.which(name)
    if found is None:
        raise DeviceError(
            f"torch-{version}: there is no wheel for Python {sys.version_info[0]}.{sys.version_info[1]}. "
            f"Install {name} beside it, and have it on the PATH."
        )
    return found


def _make(command: Sequence[str], version: str) -> None:
    """One step of making an environment."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        lines = done.stdout.strip().splitlines()
        told = next((line for line in reversed(lines) if line.startswith("ERROR")), lines[-1] if lines else "no reason")
        raise DeviceError(
            f"torch-{version}: its environment cannot be made: {told} "
            f"It needs pip, a package index that has torch {version} for this machine, and 3 to 5 GB."
        )


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the older interpreter said to one case, in the form of a module."""

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


class OlderRuntime:
    """Golden cases through the lite interpreter of an older torch; the verdict is this process's."""

    def __init__(self, version: str) -> None:
        self.name = f"torch-{version}"
        self._version = version

    def selftest(self, archive: Archive) -> tuple[CaseResult, ...]:
        """Replays the golden cases in a new process of the older environment."""
        if archive.golden is None or not archive.golden.cases or archive.manifest is None:
            raise PackageError(f"{archive.path} has no golden cases to replay. Make it with edgekit export.")
        python = environment(self._version)
        with tempfile.TemporaryDirectory(prefix="edgekit-") as scratch:
            folder = Path(scratch)
            answers = self._ask(python, archive, folder)
            return tuple(
                CaseResult(runtime=self.name, case=case.name, comparison=comparison)
                for case, answer in zip(archive.golden.cases, answers, strict=True)
                for comparison in replay(_Answer(answer, folder), case, archive.manifest)
            )

    def _ask(self, python: Path, archive: Archive, folder: Path) -> list[dict[str, Any]]:
        cases = [
            {"method": case.method, "inputs": [_saved(generate(given), folder) for given in case.inputs]}
            for case in (archive.golden.cases if archive.golden else ())
        ]
        (folder / "job.json").write_text(json.dumps({"package": str(archive.path.resolve()), "cases": cases}))
        command = [str(python), "-I", "-W", "ignore", str(_SCRIPT), str(folder)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
        except subprocess.TimeoutExpired as error:
            raise DeviceError(f"runtime {self.name}: no answer within {_TIMEOUT_S} s.") from error
        except OSError as error:
            raise DeviceError(f"runtime {self.name}: {python} does not start: {error.strerror or error}.") from error
        if done.returncode:
            told = (done.stderr.strip().splitlines() or ["no reason"])[-1]
            raise DeviceError(
                f"runtime {self.name}: it ended with {done.returncode}: {told}. "
                f"If its environment is damaged, remove {environment_folder(self._version)}; it will be made again."
            )
        answers: dict[str, Any] = json.loads((folder / "answers.json").read_text())
        if "refused" in answers:
            raise PackageError(
                f"{archive.path} does not load in torch {self._version}'s lite interpreter: {answers['refused'].split('. ')[0]}. "
                "See edgekit compat for what it lacks."
            )
        found: list[dict[str, Any]] = answers["cases"]
        return found


def _saved(array: Array, folder: Path) -> str:
    name = f"input-{len(list(folder.glob('input-*.npy')))}.npy"
    np.save(folder / name, array)
    return name
