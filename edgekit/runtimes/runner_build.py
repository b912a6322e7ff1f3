"""Builds the C++ runner into the user's cache, from the sources in the wheel or in the checkout.

It is linked to this Python's torch, or to the workshop's where this torch has no XNNPACK.
"""

import hashlib
import importlib.util
import logging
import os
import re
import shutil
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from edgekit.errors import DeviceError
from edgekit.runtimes.cache import build_folder, cache_folder
from edgekit.runtimes.checkout import ROOT
from edgekit.runtimes.hosts import ThisMachine
from edgekit.version import __version__

_IN_WHEEL = Path(__file__).parents[1] / "runner_sources"
_PARTS = ("CMakeLists.txt", "cmake", "cli", "include", "src")
_COMPILERS = ("c++", "g++", "clang++")
_LIBRARIES = {
    "nlohmann_json": "nlohmann_json",
    "CLI11": "CLI11",
    "JPEG": "libjpeg",
    "PNG": "libpng",
    "OpenSSL": "OpenSSL",
}
_DEBIAN = "g++ cmake ninja-build libcli11-dev nlohmann-json3-dev libjpeg-dev libpng-dev libssl-dev"
_REMEDY = f"On Debian: apt-get install {_DEBIAN}. CMake and Ninja are on PyPI too: pip install cmake ninja."
_TIMEOUT_S = 3600
_FIND = "import importlib.util as u; s = u.find_spec('torch'); print(s.submodule_search_locations[0] if s else '')"
_LAST_WITH_KERNELS = (2, 12)

_log = logging.getLogger(__name__)


def runner_folder() -> Path | None:
    """Where the runner of these sources and of its torch is kept, built or not; None without torch or sources."""
    torch, sources = _torch_root(), _sources()
    if torch is None or not (sources / "CMakeLists.txt").is_file():
        return None
    key = hashlib.sha256(str(torch).encode())
    for path in _files(sources):
        key.update(path.relative_to(sources).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return cache_folder("runner", f"{__version__}-{_version(torch)}-{key.hexdigest()[:8]}")


def runner_program() -> Path | None:
    """The runner in the cache, built or not."""
    folder = runner_folder()
    return None if folder is None else folder / "bin" / "edgekit-runner"


def build_runner() -> Path:
    """Builds the runner unless the cache has it.

    Returns:
        The program.

    Raises:
        DeviceError: a tool or a library is missing, or the build fails.
    """
    own = _own_torch()
    if own is not None and not _has_kernels(own):
        from edgekit.runtimes.workshop import workshop_python  # it imports numpy, which `ops` does not need

        python = workshop_python()
        _log.warning(
            "torch %s has no XNNPACK: the C++ runner is linked to the torch of the workshop %s", _version(own), python
        )
    program, torch = runner_program(), _torch_root()
    if program is None or torch is None:
        raise DeviceError("the C++ runner cannot be built: torch or the runner's sources are not installed.")
    if program.is_file():
        return program
    cmake, options = _tools()
    folder = program.parents[1]
    with build_folder(folder) as temporary:
        build = temporary / "build"
        log = folder.with_name(f"{folder.name}.log")
        log.write_text("")
        _log.warning("configuring the C++ runner against torch in %s", torch)
        configure = [cmake, "-S", str(_sources()), "-B", str(build), f"-DEDGEKIT_TORCH_ROOT={torch}", *options]
        _step([*configure, "-DCMAKE_BUILD_TYPE=Release", "-DEDGEKIT_BUILD_TESTS=OFF"], log)
        _log.warning("building the C++ runner, which takes a few minutes; output in %s", log)
        _step([cmake, "--build", str(build), "--parallel", str(os.cpu_count() or 1)], log)
        _step([cmake, "--install", str(build), "--prefix", str(temporary), "--component", "runtime"], log)
        shutil.rmtree(build)
    return program


def _sources() -> Path:
    return _IN_WHEEL if _IN_WHEEL.is_dir() else ROOT / "cpp_runner"


def _files(sources: Path) -> list[Path]:
    """The files that the runner is built from."""
    found = (path for part in _PARTS for path in [sources / part, *(sources / part).rglob("*")])
    return sorted(path for path in found if path.is_file())


def _torch_root() -> Path | None:
    """The folder of the torch for the runner: this Python's, or the workshop's where this one has no XNNPACK."""
    own = _own_torch()
    if own is None or _has_kernels(own):
        return own
    from edgekit.runtimes.workshop import existing_python

    python = existing_python()
    return None if python is None else _torch_of(python)


def _own_torch() -> Path | None:
    """The folder of this Python's torch, without importing it."""
    found = importlib.util.find_spec("torch")
    return None if found is None or found.origin is None else Path(found.origin).parent.resolve()


@cache
def _torch_of(python: Path) -> Path | None:
    """The folder of another Python's torch."""
    found = ThisMachine().run([str(python), "-I", "-c", _FIND]).stdout.strip()
    return Path(found).resolve() if found else None


def _has_kernels(torch: Path) -> bool:
    """Whether a torch has XNNPACK: up to 2.12 it has, and a later one if it comes with the header."""
    if (torch / "include" / "xnnpack.h").is_file():
        return True
    numbers = re.match(r"(\d+)\.(\d+)", _version(torch))
    return numbers is not None and (int(numbers[1]), int(numbers[2])) <= _LAST_WITH_KERNELS


def _version(torch: Path) -> str:
    """The version of a torch, from its file; `unknown` if it has none."""
    path = torch / "version.py"
    found = re.search(r"__version__ = ['\"]([^'\"]+)", path.read_text(encoding="utf-8") if path.is_file() else "")
    return "unknown" if found is None else found[1]


def _tools() -> tuple[str, list[str]]:
    """CMake, and the options that name the build tool.

    Raises:
        DeviceError: tools are missing; it names all of them.
    """
    cmake, ninja = _which("cmake"), _which("ninja")
    missing = [] if cmake else ["CMake"]
    missing += [] if ninja or _which("make") else ["Ninja or Make"]
    missing += [] if any(map(_which, [os.environ.get("CXX") or "", *_COMPILERS])) else ["a C++ compiler"]
    if missing or cmake is None:
        raise DeviceError(f"the C++ runner cannot be built: {' and '.join(missing)} not found. {_REMEDY}")
    return cmake, ["-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}"] if ninja else []


def _which(name: str) -> str | None:
    """A program on the PATH, or beside this Python, where pip puts it."""
    return shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))


def _step(command: Sequence[str], log: Path) -> None:
    """Runs a step of the build; its output is added to the log.

    Raises:
        DeviceError: it fails.
    """
    done = ThisMachine().run(command, timeout_s=_TIMEOUT_S)
    with log.open("a") as output:
        output.write(done.stdout + done.stderr)
    if done.exit_code == 0:
        return
    said = done.stdout + done.stderr
    missing = [
        library for name, library in _LIBRARIES.items() if re.search(rf"(?i)not find.*{name}\b|by \"{name}\"", said)
    ]
    if missing:
        raise DeviceError(f"the C++ runner cannot be built: {' and '.join(missing)} not found. {_REMEDY}")
    first = next((line.strip() for line in said.splitlines() if "error" in line.lower()), done.last_line)
    raise DeviceError(f"the C++ runner cannot be built: {first}. See {log} for the whole output.")
