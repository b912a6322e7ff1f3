"""Python environments with another torch than this process has, made on first need and kept in the user's cache folder."""

import contextlib
import logging
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgekit.errors import DeviceError
from edgekit.runtimes.cache import build_folder, cache_folder
from edgekit.runtimes.hosts import ThisMachine

INDEX = "TORCH_INDEX"  # the variable that names a wheel index for torch alone
_PROGRAM = Path("bin", "python")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """An environment with one version of torch.

    Args:
        name: the name of its folder, also in messages.
        torch: the version of torch.
        others: what else pip installs, as requirements.
        newest_python: the newest Python for which this torch has wheels.
        size: how much disk it takes, for messages.
        remedy: what else the user can do if it cannot be made.
    """

    name: str
    torch: str
    others: tuple[str, ...]
    newest_python: tuple[int, int]
    size: str
    remedy: str = ""

    @property
    def folder(self) -> Path:
        """Where it is kept."""
        return cache_folder("runtimes", self.name)

    @property
    def made(self) -> bool:
        return (self.folder / _PROGRAM).exists()

    def missing(self) -> str:
        """Why it cannot be used on this machine, and the remedy; empty where it can."""
        return "" if self.made or base_python(self.newest_python) else self._no_wheel()

    def python(self, index: str | None = None) -> Path:
        """Its Python. The environment is made on first use, by one process at a time.

        Args:
            index: a wheel index for torch, for example of CPU builds; by default, the one that `TORCH_INDEX` names.

        Raises:
            DeviceError: it cannot be made.
        """
        if not self.made:
            if (base := base_python(self.newest_python)) is None:
                raise DeviceError(self._no_wheel())
            with _only_maker(self.folder):
                if not self.made:
                    self._make(base, index or os.environ.get(INDEX, ""))
        return self.folder / _PROGRAM

    def remove(self) -> bool:
        """Removes it. Returns whether there was one."""
        found = self.folder.is_dir()
        shutil.rmtree(self.folder, ignore_errors=True)
        return found

    def _make(self, base: str, index: str) -> None:
        _log.warning(
            "%s: making its environment in %s, on first use only; this takes some minutes and %s",
            self.name,
            self.folder,
            self.size,
        )
        with build_folder(self.folder) as temporary:
            self._run([base, "-m", "venv", str(temporary)])
            python = str(temporary / _PROGRAM)
            pip = [python, "-m", "pip", "install", "--quiet", "--no-input"]
            if index:
                self._run([*pip, "--index-url", index, f"torch=={self.torch}"])
            self._run([*pip, f"torch=={self.torch}", *self.others])
            self._run([python, "-I", "-W", "ignore", "-c", "import torch"])
        _log.warning("%s: its environment is ready", self.name)

    def _run(self, command: Sequence[str]) -> None:
        """One step of making it."""
        done = ThisMachine().run(command)
        if done.exit_code:
            lines = (done.stdout + done.stderr).strip().splitlines()
            message = next((line for line in reversed(lines) if line.startswith("ERROR")), done.last_line)
            raise DeviceError(
                f"{self.name}: its environment cannot be made: {message} It needs pip, a package index that has torch "
                f"{self.torch} for this machine, and {self.size}. {self.remedy}".strip()
            )

    def _no_wheel(self) -> str:
        here, newest = ".".join(map(str, sys.version_info[:2])), _name(self.newest_python)
        return (
            f"{self.name}: there is no wheel for Python {here}. Install {newest} beside it, where the PATH finds it. "
            f"{self.remedy}"
        ).strip()


def base_python(newest: tuple[int, int]) -> str | None:
    """A Python that is not newer."""
    return sys.executable if sys.version_info[:2] <= newest else shutil.which(_name(newest))


def _name(version: tuple[int, int]) -> str:
    return "python" + ".".join(map(str, version))


@contextlib.contextmanager
def _only_maker(folder: Path) -> Iterator[None]:
    """Waits until no other process makes the folder, and removes what an interrupted one left."""
    import fcntl

    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = (folder.parent / f"{folder.name}.lock").open("w")
    except OSError as error:
        raise DeviceError(f"{folder} cannot be made: {error.strerror or error}. Set XDG_CACHE_HOME.") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            _log.warning("%s: waiting for another process that makes it", folder.name)
            fcntl.flock(lock, fcntl.LOCK_EX)
        for left in folder.parent.glob(f".{folder.name}.*"):
            shutil.rmtree(left, ignore_errors=True)
        yield
