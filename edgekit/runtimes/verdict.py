"""The verdict: a package's golden cases on one runtime after another."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from edgekit.format.archive import Archive
from edgekit.format.schema import Manifest
from edgekit.runtimes.base import CaseResult, Runtime
from edgekit.runtimes.registry import resolve


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What every runtime said; `passed` is the whole verdict."""

    path: str
    manifest: Manifest
    results: tuple[CaseResult, ...]

    @property
    def passed(self) -> bool:
        return bool(self.results) and all(result.comparison.passed for result in self.results)

    def of(self, runtime: str) -> tuple[CaseResult, ...]:
        return tuple(result for result in self.results if result.runtime == runtime)


def verify(path: str | os.PathLike[str], runtimes: Sequence[str | Runtime] = ("lite",)) -> VerifyReport:
    """Checks the digests, then replays the golden cases.

    Args:
        path: a package of edgekit.
        runtimes: names (see `edgekit verify --help`), or runtimes of your own.

    Raises:
        PackageError: the package is damaged, was changed, has no golden cases, or does not load.
        UsageError: an unknown runtime.
        DeviceError: a runtime is not to be had here.
    """
    resolved = [resolve(runtime) if isinstance(runtime, str) else runtime for runtime in runtimes]
    with Archive(path) as archive:
        archive.check_digests()
        archive.check_methods()
        results = [result for runtime in resolved for result in runtime.selftest(archive)]
        assert archive.manifest is not None  # check_digests refuses a package without one
        return VerifyReport(path=os.fspath(path), manifest=archive.manifest, results=tuple(results))
