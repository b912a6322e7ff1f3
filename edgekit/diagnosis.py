"""What this machine has for edgekit and what it lacks, for `edgekit doctor`. A check never raises."""

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from edgekit.installed import torch_trouble
from edgekit.measure.context import cpu_name, is_busy
from edgekit.runtimes.cache import cache_folder
from edgekit.runtimes.checkout import ROOT, in_checkout
from edgekit.runtimes.registry import DEFAULT, TARGETS, Target
from edgekit.threads import VARIABLE, usable_cores

Status = Literal["ok", "warning", "missing"]

_GIB = 2**30
_LEAST_MEMORY, _LEAST_DISK = 2 * _GIB, 1 * _GIB  # of a usual export
_EXTENSIONS = ("sse4_2", "avx2", "fma", "avx512f", "avx512_vnni", "amx_int8", "neon", "asimd", "asimddp", "i8mm", "sve")


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What was found in one place. `essential` means that nothing can be exported without it; `remedy` may be empty."""

    name: str
    status: Status
    found: str
    remedy: str = ""
    essential: bool = False


def checks() -> tuple[Check, ...]:
    """All checks, without private paths: the home, the working folder and a checkout have short names."""
    return tuple(map(_without_private_paths, (*_python(), *_torch(), *_machine(), *_places(), *_runtimes())))


def is_ready(found: tuple[Check, ...]) -> bool:
    """Whether a model can be exported and verified here."""
    return not any(check.essential and check.status == "missing" for check in found)


def _check(name: str, found: str, trouble: str = "", *, status: Status = "missing", essential: bool = False) -> Check:
    """A check that is well unless there is trouble, whose first sentence is what happened and whose rest is the remedy."""
    if not trouble:
        return Check(name=name, status="ok", found=found, essential=essential)
    what, _, remedy = trouble.partition(". ")
    return Check(name=name, status=status, found=what.rstrip("."), remedy=remedy, essential=essential)


def _python() -> Iterator[Check]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield _check("python", f"{version}, {platform.python_implementation()}")
    libc = " ".join(filter(None, platform.libc_ver()))
    system = f"{platform.system()} {platform.release()}, {platform.machine()}"
    yield _check("system", f"{system}, {libc}" if libc else system)


def _torch() -> Iterator[Check]:
    if trouble := torch_trouble():
        yield _check("torch", "", trouble, essential=True)
        return
    import torch

    from edgekit.engines import supported_engines
    from edgekit.runtimes import workshop

    yield _check("torch", str(torch.__version__), essential=True)
    vision = torch_trouble("torchvision")
    yield _check("torchvision", "" if vision else _version("torchvision"), vision, status="warning")
    if workshop.has_kernels():
        yield _check("XNNPACK", "in this torch")
    else:
        found = "this torch has none; the workshop finishes packages and runs them"
        yield _check("XNNPACK", found, workshop.missing(), essential=True)
    yield _check("quantized engines", ", ".join(supported_engines()))
    yield _check("instructions of torch", torch.backends.cpu.get_cpu_capability())
    # The command line gives OpenMP one thread, unless the user set a number.
    given = os.environ.get(VARIABLE, "1")
    openmp = f"{torch.get_num_threads()} of OpenMP" + ("" if given == "1" else f", as {VARIABLE} says")
    yield _check("threads", f"{usable_cores()} of XNNPACK's pool, {openmp}")


def _version(module: str) -> str:
    return str(getattr(sys.modules[module], "__version__", "unknown version"))


def _machine() -> Iterator[Check]:
    cores = usable_cores()
    name = cpu_name() or platform.processor() or "unknown processor"
    yield _check("processor", f"{name}, {cores} of {os.cpu_count()} cores usable")
    yield _check("instructions", " ".join(_extensions()) or "unknown")
    memory = _memory()
    if memory is not None:
        total, available = memory
        low = (
            f"{_gib(available)} of {_gib(total)} free. An export takes about {_gib(_LEAST_MEMORY)}: end other programs."
        )
        yield _check(
            "memory",
            f"{_gib(available)} of {_gib(total)} free",
            low if available < _LEAST_MEMORY else "",
            status="warning",
        )
    if hasattr(os, "getloadavg"):
        load = os.getloadavg()[0]
        busy = f"{load:.1f}, the machine is busy. Times of bench will not hold: wait until it is idle."
        yield _check("load", f"{load:.1f}", busy if is_busy() else "", status="warning")


def _extensions() -> list[str]:
    """The instruction sets that matter for kernels, as Linux names them."""
    try:
        words = set(Path("/proc/cpuinfo").read_text(errors="replace").split())
    except OSError:
        return []
    return [each for each in _EXTENSIONS if each in words]


def _memory() -> tuple[int, int] | None:
    """The bytes of memory of the machine, and those that are free."""
    try:
        lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines() if ":" in line)
        return tuple(1024 * int(lines[key].split()[0]) for key in ("MemTotal", "MemAvailable"))  # type: ignore[return-value]
    except (OSError, KeyError, ValueError):
        return None


def _places() -> Iterator[Check]:
    """Where edgekit writes: the working folder, temporary files, and the cache, which it makes when it needs it."""
    yield _place("working folder", Path.cwd(), "Run edgekit in a folder of yours, or pass -o", essential=True)
    yield _place("temporary files", Path(tempfile.gettempdir()), "Set TMPDIR to another folder", essential=True)
    yield _place("cache", cache_folder(), "Set XDG_CACHE_HOME to another folder")
    if (hub := _hub_folder()) is not None:
        yield _place("torch's downloads", hub, "Set TORCH_HOME to another folder")


def _hub_folder() -> Path | None:
    torch = sys.modules.get("torch")  # where it loads, a check before has imported it
    return None if torch is None or not hasattr(torch, "hub") else Path(torch.hub.get_dir())


def _place(name: str, folder: Path, remedy: str, *, essential: bool = False) -> Check:
    existing = next((each for each in (folder, *folder.parents) if each.is_dir()), Path("/"))
    free = shutil.disk_usage(existing).free
    found = f"{folder}, {_gib(free)} free"
    if not os.access(existing, os.W_OK | os.X_OK):
        status: Status = "missing" if essential else "warning"
        return Check(
            name=name, status=status, found=f"{folder} cannot be written", remedy=f"{remedy}.", essential=essential
        )
    if free < _LEAST_DISK:
        return Check(name=name, status="warning", found=found, remedy=f"Free some space. {remedy}.")
    return _check(name, found, essential=essential)


def _runtimes() -> Iterator[Check]:
    for target in TARGETS.values():
        yield _check(
            f"runtime {target.name}",
            f"ready: {target.about}",
            _lack(target).removeprefix(f"runtime {target.name} "),
            essential=target.name == DEFAULT,
        )


def _lack(target: Target) -> str:
    """Why a runtime cannot run here, and the remedy."""
    try:
        return target.create().missing()
    except (ImportError, OSError) as error:
        return torch_trouble() or f"it does not load: {error}."


def _without_private_paths(check: Check) -> Check:
    return replace(check, found=_short(check.found), remedy=_short(check.remedy))


def _short(text: str) -> str:
    names = {str(ROOT): "the checkout"} if in_checkout() and Path.cwd() != ROOT else {}
    for folder, name in {**names, str(Path.cwd()): ".", str(Path.home()): "~"}.items():
        text = text.replace(folder, name) if len(folder) > 1 else text
    return text


def _gib(size_bytes: int) -> str:
    return f"{size_bytes / _GIB:.1f} GiB"
