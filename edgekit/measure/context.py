"""What a reader of timings needs to know: the machine, its load, and whose weights they are."""

import os
from dataclasses import dataclass
from pathlib import Path

from edgekit.format.archive import Archive
from edgekit.runtimes.exported import fingerprint
from edgekit.threads import usable_cores
from edgekit.version import __version__

_BUSY = 0.5  # of the cores


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchContext:
    """Fields are None where the system or the package does not say; `weights` is the kind of the weights.

    Without a manifest, `package` is the file's name without its suffix. `digest` is the SHA-256 of the manifest, which has
    those of all other records. `exceeded` says what is beyond the user's budget.
    """

    package: str
    weights: str | None
    edgekit: str
    cpu: str | None
    cores: int | None
    governor: str | None
    load_average: str | None
    file: str | None = None
    size_bytes: int | None = None
    digest: str | None = None
    recipe: str | None = None
    exceeded: tuple[str, ...] = ()


def bench_context(path: str | os.PathLike[str]) -> BenchContext:
    """The context of a package on this machine, now.

    Raises:
        PackageError: the package is damaged.
    """
    with Archive(path) as archive:
        manifest = archive.manifest
    return BenchContext(
        package=manifest.name if manifest else Path(path).stem,
        weights=manifest.provenance.weights.kind if manifest else None,
        edgekit=__version__,
        cpu=cpu_name(),
        cores=os.cpu_count(),
        governor=_line_after("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", ""),
        load_average=_line_after("/proc/loadavg", ""),
        file=Path(path).name,
        size_bytes=Path(path).stat().st_size,
        digest=fingerprint(path),
        recipe=manifest.recipe.name if manifest else None,
    )


def is_busy() -> bool:
    """Whether other programs use so much of the cores that times do not hold."""
    return hasattr(os, "getloadavg") and os.getloadavg()[0] > _BUSY * usable_cores()


def cpu_name() -> str | None:
    """The name of this machine's processor, or of the board."""
    return _line_after("/proc/cpuinfo", "model name") or _line_after("/proc/device-tree/model", "")


def _line_after(path: str, prefix: str) -> str | None:
    """The rest of the first line that begins so; None where there is none."""
    try:
        lines = Path(path).read_text(errors="replace").splitlines()
    except OSError:
        return None
    rest = (line.removeprefix(prefix).strip(" \t:\0") for line in lines if line.startswith(prefix))
    return next(filter(None, rest), None)
