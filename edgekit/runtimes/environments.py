"""Python environments with another torch than this process has, made on first need and kept in the user's cache folder."""

import contextlib
import logging
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgekit.errors import DeviceError
from edgekit.runtimes.cache import build_folder, cache_folder
from edgekit.runtimes.hosts import Completed, ThisMachine
from edgekit.runtimes.trimming import trim
from edgekit.runtimes.writing import shown_size

INDEX = "TORCH_INDEX"  # the variable that names a wheel index for torch alone
_PROGRAM = Path("bin", "python")
# pip's settings for the user's environments, which are not for this one.
_OTHER_SETTINGS = tuple(f"PIP_{name}" for name in ("CONSTRAINT", "REQUIREMENT", "TARGET", "PREFIX", "ROOT", "USER"))
_STEP = """
import os, runpy, signal, sys, threading, time
_, maker, verb, name, *rest = sys.argv
def end_with_the_maker():
    while os.getppid() == int(maker):
        time.sleep(0.5)
    os.killpg(0, signal.SIGKILL)
threading.Thread(target=end_with_the_maker, daemon=True).start()
if verb == "import":
    for module in (name, *rest):
        __import__(module)
    if os.path.exists("/proc/self/maps"):
        print(*{line.split(maxsplit=5)[5].strip() for line in open("/proc/self/maps") if "/" in line}, sep="\\n")
else:
    sys.argv = [name, *rest]
    runpy.run_module(name, run_name="__main__", alter_sys=True)
"""  # imports modules and prints the files in memory, or runs a module; ends if the process that started it is killed

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """An environment with one version of torch.

    Args:
        name: the name of its folder, also in messages.
        torch: the version of torch.
        others: what else pip installs, as requirements.
        modules: what must be importable.
        newest_python: the newest Python for which this torch has wheels.
        size: how much disk it takes, for messages.
        remedy: what else the user can do if it cannot be made.
        written_bytes: what pip writes with the default index, downloads and installed files; 0 if it is not known.
    """

    name: str
    torch: str
    others: tuple[str, ...]
    modules: tuple[str, ...] = ("torch", "numpy")
    newest_python: tuple[int, int]
    size: str
    remedy: str = ""
    written_bytes: int = 0

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
                    shutil.rmtree(self.folder, ignore_errors=True)  # its Python is not there any more
                    self._make(base, index or os.environ.get(INDEX, ""))
        return self.folder / _PROGRAM

    def repair(self, index: str | None = None) -> Path:
        """Its Python, as `python` gives it. An environment whose torch does not load is made again."""
        if self.made:
            checked = _step(self.folder, str(self.folder / _PROGRAM), "import", *self.modules)
            if checked.exit_code:
                _log.warning("%s: its environment is damaged and is made again: %s", self.name, checked.last_line)
                self.remove()
        return self.python(index)

    def remove(self) -> bool:
        """Removes it, and what interrupted processes left of it. Returns whether there was one."""
        found = self.folder.is_dir()
        if self.folder.parent.is_dir():
            with _only_maker(self.folder):
                shutil.rmtree(self.folder, ignore_errors=True)
        return found

    def _make(self, base: str, index: str) -> None:
        _log.warning(
            "%s: making its environment in %s, on first use only; this takes some minutes and %s",
            self.name,
            self.folder,
            self.size,
        )
        expected, shown = 0 if index else self.written_bytes, _log.isEnabledFor(logging.WARNING)
        with build_folder(self.folder) as temporary, shown_size(self.name, temporary, expected, shown=shown):
            self._run(temporary, base, "run", "venv", str(temporary))
            python, pip = str(temporary / _PROGRAM), ["pip", "install", "--quiet", "--no-input"]
            if index:
                self._run(temporary, python, "run", *pip, "--index-url", index, f"torch=={self.torch}")
            self._run(temporary, python, "run", *pip, f"torch=={self.torch}", *self.others)
            loaded = self._run(temporary, python, "import", *self.modules)
            trim(temporary, loaded.splitlines())
            self._run(temporary, python, "import", *self.modules)
        _log.warning("%s: its environment is ready", self.name)

    def _run(self, folder: Path, python: str, *step: str) -> str:
        """One step of making it; what it printed."""
        done = _step(folder, python, *step)
        if done.exit_code == 0:
            return done.stdout
        lines = (done.stdout + done.stderr).strip().splitlines()
        why = next((line for line in reversed(lines) if line.startswith("ERROR")), done.last_line)
        raise DeviceError(
            f"{self.name}: its environment cannot be made: {why.rstrip('.')}. It needs pip, a package index that has torch "
            f"{self.torch} for this machine, and {self.size}. {self.remedy}".strip()
        )

    def _no_wheel(self) -> str:
        here, newest = ".".join(map(str, sys.version_info[:2])), _name(self.newest_python)
        return (
            f"{self.name}: there is no wheel for Python {here}. Install {newest} beside it, where the PATH finds it. "
            f"{self.remedy}"
        ).strip()


def _step(folder: Path, python: str, *step: str) -> Completed:
    """Runs `_STEP`. Temporary files are in the folder of the environment, because they may not fit elsewhere."""
    command = [python, "-I", "-W", "ignore", "-c", _STEP, str(os.getpid()), *step]
    return ThisMachine().run(command, env={"TMPDIR": str(folder), **dict.fromkeys(_OTHER_SETTINGS, "")})


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
