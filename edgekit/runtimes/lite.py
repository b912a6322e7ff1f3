"""torch's own lite interpreter, in this process."""

import contextlib
import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, Protocol

import numpy as np
import torch
from torch.jit.mobile import _load_for_lite_interpreter

from edgekit.engines import held_engine
from edgekit.errors import DeviceError, PackageError, UsageError, first_line
from edgekit.format.archive import Archive
from edgekit.format.compare import Array, Comparison, compare_golden
from edgekit.format.generator import generate
from edgekit.format.golden import GoldenCase
from edgekit.format.schema import Manifest, MethodSpec, RuntimeHints, Tolerance
from edgekit.nested import named_arrays, structure_of
from edgekit.recording import Recording, record
from edgekit.runtimes import isolation, vision
from edgekit.runtimes.base import Runtime
from edgekit.runtimes.results import BenchRequest, BenchResult, CaseResult
from edgekit.runtimes.timing import peak_rss_bytes, summarize, time_runs, timed
from edgekit.threads import held_threads, usable_cores


@contextlib.contextmanager
def _without_deprecation() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        yield


class Runs(Protocol):
    """A module that was loaded: `run` gives the structure and the named outputs of a method, or raises DeviceError."""

    def run(self, method: str, inputs: Sequence[Array]) -> tuple[str, dict[str, Array]]: ...


class Records(Runs, Protocol):
    """A module whose operators can be seen: `record` runs a method and gives them."""

    def record(self, method: str, inputs: Sequence[Array]) -> Recording: ...


class LiteModule:
    """A `.ptl` in the lite interpreter; inputs and outputs are numpy arrays. Nothing is checked: see `edgekit.load`.

    `run` holds the threads for the pool that the manifest names; `call` runs with the threads as they are. Loading and running
    hold the engine for quantized weights that the manifest names.
    """

    def __init__(self, path: str | os.PathLike[str], pool: str = "xnnpack", engine: str | None = None) -> None:
        self._pool, self._engine = pool, engine
        isolation.limit_memory()
        try:
            with _without_deprecation(), held_engine(engine, str(path)):
                self._module = _loaded(os.fspath(path))
        except (RuntimeError, ValueError, IndexError, MemoryError) as error:
            first = first_line(error)
            raise PackageError(
                f"{path} does not load in torch {torch.__version__}'s lite interpreter: {first}"
            ) from error
        isolation.step()

    def call(self, method: str, inputs: Sequence[torch.Tensor]) -> Any:
        """The method's own value, nested as it returns it."""
        with torch.no_grad(), held_engine(self._engine):
            return self._module.run_method(method, *inputs)

    def run(self, method: str, inputs: Sequence[Array]) -> tuple[str, dict[str, Array]]:
        """The structure and the named outputs of a method.

        Raises:
            DeviceError: the interpreter raised.
        """
        try:
            tensors = _as_tensors(inputs)
            with held_threads(self._pool):
                value = self.call(method, tensors)
        except (RuntimeError, TypeError, ValueError, IndexError, torch.jit.Error) as error:
            first = first_line(error)
            kind = isolation.failure_kind(first)
            raise kind(f"{method} failed in the lite interpreter: {first}") from error
        isolation.step()
        return structure_of(value), named_arrays(value)

    def record(self, method: str, inputs: Sequence[Array]) -> Recording:
        """The operators of a run of a method; see `edgekit.recording`."""
        tensors = _as_tensors(inputs)
        with held_threads(self._pool):
            found = record(lambda: self.call(method, tensors), tensors)
        isolation.step()
        return found


def _as_tensors(inputs: Sequence[Array]) -> list[torch.Tensor]:
    return [torch.from_numpy(np.require(array, requirements=("C", "W"))) for array in inputs]


def _loaded(path: str) -> Any:
    try:
        return _load_for_lite_interpreter(path)
    except RuntimeError as error:
        if not vision.register(str(error), path):
            raise
    return _load_for_lite_interpreter(path)


class LiteRuntime(Runtime):
    """The lite interpreter that torch has in Python, in this process."""

    def __init__(self, *, name: str = "lite") -> None:
        self.name = name

    def missing(self) -> str:
        return ""

    def verify(self, archive: Archive) -> tuple[CaseResult, ...]:
        cases, manifest = golden_cases(archive)
        module = LiteModule(archive.path, manifest.runtime.pool, manifest.runtime.quantized_engine)
        return tuple(
            CaseResult(runtime=self.name, case=case.name, comparison=comparison)
            for case in cases
            for comparison in replay(module, case, manifest.method(case.method), manifest.tolerance)
        )

    def run(self, path: str | os.PathLike[str], method: str, inputs: Sequence[Array]) -> dict[str, Array]:
        with Archive(path) as archive:
            hints = _hints(archive)
        return LiteModule(path, hints.pool, hints.quantized_engine).run(method, inputs)[1]

    def bench(self, path: str | os.PathLike[str], request: BenchRequest) -> BenchResult:
        arrays, hints = _bench_inputs(path, request.method)
        inputs = [torch.from_numpy(array) for array in arrays]
        threads = request.threads or hints.threads or usable_cores()
        with held_threads(hints.pool, threads):
            load_ms, module = timed(lambda: LiteModule(path, engine=hints.quantized_engine))
            first_ms, _ = timed(lambda: module.call(request.method, inputs))
            isolation.step(last=True)
            for _ in range(request.warmup):
                module.call(request.method, inputs)
            samples = time_runs(lambda: module.call(request.method, inputs), request.iterations, request.min_seconds)
        return BenchResult(
            runtime=self.name,
            method=request.method,
            load_ms=load_ms,
            first_ms=first_ms,
            **asdict(summarize(samples)),
            threads=threads,
            engine="lite",
            peak_rss_bytes=peak_rss_bytes(),
            samples_ms=samples,
        )


def golden_cases(archive: Archive) -> tuple[tuple[GoldenCase, ...], Manifest]:
    """The cases to replay, and the manifest that they are held against.

    Raises:
        PackageError: the package has none.
    """
    if archive.golden is None or not archive.golden.cases or archive.manifest is None:
        raise PackageError(f"{archive.path} has no golden cases to replay. Make it with edgekit export.")
    return archive.golden.cases, archive.manifest


def _hints(archive: Archive) -> RuntimeHints:
    return archive.manifest.runtime if archive.manifest else RuntimeHints(pool="xnnpack")


def _bench_inputs(path: str | os.PathLike[str], method: str) -> tuple[list[Array], RuntimeHints]:
    """The inputs of the method's first golden case, and how the manifest wants it run."""
    with Archive(path) as archive:
        archive.check_digests()
        archive.check_storages()
        cases = archive.golden.cases if archive.golden else ()
        hints = _hints(archive)
    case = next((case for case in cases if case.method == method), None)
    if case is None:
        raise UsageError(f"{path} has no golden case for method {method!r} to take inputs from.")
    return [generate(given) for given in case.inputs], hints


def replay(module: Runs, case: GoldenCase, method: MethodSpec | None, tolerance: Tolerance) -> tuple[Comparison, ...]:
    """One golden case, under its own bounds or else `tolerance`; what the interpreter raises is a verdict too."""
    try:
        structure, outputs = module.run(case.method, [generate(given) for given in case.inputs])
    except DeviceError as error:
        return (Comparison(output="*", passed=False, reason="error", expected="outputs", actual=str(error)),)
    return compare_case(case, structure, outputs, method, tolerance)


def compare_case(
    case: GoldenCase, structure: str, outputs: dict[str, Array], method: MethodSpec | None, tolerance: Tolerance
) -> tuple[Comparison, ...]:
    """Compares an answer with a golden case, under its own bounds or else `tolerance`."""
    wanted = case.structure or (method.structure if method is not None else None)
    if wanted is not None and wanted != structure:
        return (Comparison(output="*", passed=False, reason="structure", expected=wanted, actual=structure),)
    return compare_golden(case.outputs, outputs, case.tolerance or tolerance)
