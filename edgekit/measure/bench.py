"""How long a package takes on one runtime after another: load, first run and steady state apart."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgekit.errors import UsageError
from edgekit.format.archive import Archive
from edgekit.format.generator import generate
from edgekit.format.schema import RuntimeHints
from edgekit.measure.statistics import summarize
from edgekit.threads import set_threads
from edgekit.version import __version__

RUNTIMES = ("lite", "native", "aarch64", "android", "android-arm64")


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchRequest:
    """At least `iterations` timed runs and `min_seconds` of them; `threads` None is each runtime's own choice."""

    method: str = "forward"
    iterations: int = 30
    min_seconds: float = 1.0
    warmup: int = 3
    threads: int | None = None
    per_operator: bool = False

    def __post_init__(self) -> None:
        if self.iterations < 1 or (self.threads is not None and self.threads < 1):
            raise UsageError("iterations and threads must be at least 1.")
        if self.warmup < 0 or not self.min_seconds >= 0:
            raise UsageError("warmup and min_seconds must not be negative.")


def bench(path: str | os.PathLike[str], runtime: str, request: BenchRequest) -> dict[str, Any]:
    """The result of one runtime, with the fields that `edgekit-runner bench --json` has, and `runtime`.

    The lite runtime runs in this process, whose threads stay as it set them.

    Raises:
        PackageError: the package is damaged, or has no golden case to take inputs from.
        UsageError: an unknown runtime, or an option that it does not have.
        DeviceError: the runtime is not to be had here.
    """
    if runtime == "lite":
        return {"runtime": runtime, **_bench_lite(path, request)}
    if runtime not in RUNTIMES:
        raise UsageError(f"unknown runtime {runtime!r}; expected one of {', '.join(RUNTIMES)}.")
    document = (_bench_android if runtime.startswith("android") else _bench_runner)(path, runtime, request)
    return {"runtime": runtime, **document["results"][0]}


def _bench_android(path: str | os.PathLike[str], runtime: str, request: BenchRequest) -> dict[str, Any]:
    if request.per_operator:
        raise UsageError(f"the {runtime} runtime has no table of operators. Take --runtime native.")
    from edgekit.runtimes.android import AndroidRuntime

    options = asdict(request)
    del options["per_operator"]
    return AndroidRuntime(arm64=runtime == "android-arm64").bench(path, **options)


def _bench_runner(path: str | os.PathLike[str], runtime: str, request: BenchRequest) -> dict[str, Any]:
    from edgekit.runtimes.runner import RunnerRuntime, find_runner

    return RunnerRuntime(runtime, find_runner(runtime)).bench(path, _options(request))


def _options(request: BenchRequest) -> list[str]:
    options = ["--method", request.method, "--iterations", str(request.iterations), "--warmup", str(request.warmup)]
    options += ["--min-seconds", str(request.min_seconds)]
    options += [] if request.threads is None else ["--threads", str(request.threads)]
    return options + (["--ops"] if request.per_operator else [])


def _bench_lite(path: str | os.PathLike[str], request: BenchRequest) -> dict[str, Any]:
    if request.per_operator:
        raise UsageError("the lite runtime of Python has no table of operators. Take --runtime native.")
    import torch

    from edgekit.runtimes.lite import LiteModule

    arrays, hints = _golden_inputs(path, request.method)
    inputs = [torch.from_numpy(array) for array in arrays]
    threads = request.threads or hints.threads or _cores()
    set_threads(threads, hints.pool)
    load_ms, module = _timed(lambda: LiteModule(path))
    first_ms, _ = _timed(lambda: module.call(request.method, inputs))
    for _ in range(request.warmup):
        module.call(request.method, inputs)
    samples = _samples(lambda: module.call(request.method, inputs), request)
    return {
        "method": request.method,
        "load_ms": load_ms,
        "first_ms": first_ms,
        **asdict(summarize(samples)),
        "threads": threads,
        "engine": "lite",
        "peak_rss_bytes": _peak_rss_bytes(),
        "samples_ms": samples,
    }


def _golden_inputs(path: str | os.PathLike[str], method: str) -> tuple[list[Any], RuntimeHints]:
    """The inputs of the method's first golden case, and how the manifest wants it run."""
    with Archive(path) as archive:
        archive.check_digests()
        cases = archive.golden.cases if archive.golden else ()
        hints = archive.manifest.runtime if archive.manifest else RuntimeHints(pool="xnnpack")
    case = next((case for case in cases if case.method == method), None)
    if case is None:
        raise UsageError(f"{path} has no golden case for method {method!r} to take inputs from.")
    return [generate(given) for given in case.inputs], hints


def _cores() -> int:
    """The cores that this process may use: fewer than the machine has in a container or under taskset."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    value = work()
    return (time.perf_counter() - start) * 1e3, value


def _samples(work: Callable[[], Any], request: BenchRequest) -> list[float]:
    samples: list[float] = []
    start = time.perf_counter()
    while len(samples) < request.iterations or time.perf_counter() - start < request.min_seconds:
        samples.append(_timed(work)[0])
    return samples


def _peak_rss_bytes() -> int:
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), 0)


def context(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What a reader needs in order to trust the figures: the fields that `edgekit-runner bench --json` has."""
    with Archive(path) as archive:
        manifest = archive.manifest
    return {
        "edgekit": __version__,
        "cpu": _line_after("/proc/cpuinfo", "model name") or _line_after("/proc/device-tree/model", ""),
        "cores": os.cpu_count(),
        "governor": _line_after("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", ""),
        "load_average": _line_after("/proc/loadavg", ""),
        "model": manifest.name if manifest else Path(path).stem,
        "random_weights": manifest.random_weights if manifest else None,
    }


def _line_after(path: str, prefix: str) -> str | None:
    """The rest of the first line that begins so; None where there is none."""
    try:
        lines = Path(path).read_text(errors="replace").splitlines()
    except OSError:
        return None
    rest = (line.removeprefix(prefix).strip(" \t:\0") for line in lines if line.startswith(prefix))
    return next(filter(None, rest), None)


def rows(results: Sequence[dict[str, Any]]) -> list[tuple[str, ...]]:
    """The table's cells: one row for each runtime."""
    figures = ("load_ms", "first_ms", "min_ms", "p50_ms", "p90_ms", "p99_ms", "mean_ms")
    return [
        (
            result["runtime"],
            *(f"{result[figure]:.3f}" for figure in figures),
            str(result["iterations"]),
            str(result["threads"]),
            f"{result['peak_rss_bytes'] / 1e6:.0f} MB",
        )
        for result in results
    ]
