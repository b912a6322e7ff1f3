"""The verdict: a package's golden cases on each runtime."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from edgekit.errors import PackageError
from edgekit.format.archive import Archive
from edgekit.format.schema import Manifest
from edgekit.format.signature import read_public_key, require_signature
from edgekit.runtimes.base import Runtime
from edgekit.runtimes.registry import available, resolve
from edgekit.runtimes.results import CaseResult


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """The results of all runtimes; `passed` is the whole verdict. A package with unproven outputs does not pass."""

    path: str
    manifest: Manifest
    results: tuple[CaseResult, ...]

    @property
    def passed(self) -> bool:
        return bool(self.results) and not self.manifest.unproven and not self.failed

    @property
    def failed(self) -> tuple[CaseResult, ...]:
        return tuple(result for result in self.results if not result.comparison.passed)

    def of(self, runtime: str) -> tuple[CaseResult, ...]:
        return tuple(result for result in self.results if result.runtime == runtime)


def verify(
    path: str | os.PathLike[str],
    runtimes: Sequence[str | Runtime] = ("lite",),
    public_key: str | os.PathLike[str] | None = None,
) -> VerifyReport:
    """Checks the digests, then replays the golden cases.

    Args:
        path: a package of edgekit.
        runtimes: names (see `edgekit verify --help`), or your own runtimes.
        public_key: the PEM file of an Ed25519 public key, if the package must be signed with its private key.

    Raises:
        PackageError: the package is damaged, was changed, has no golden cases, or does not load.
        UsageError: an unknown runtime.
        DeviceError: a runtime cannot run on this machine, or fails.
    """
    resolved = [resolve(runtime) if isinstance(runtime, str) else available(runtime) for runtime in runtimes]
    with Archive(path) as archive:
        if public_key is not None:
            require_signature(archive, read_public_key(public_key))
        archive.check_digests()
        archive.check_methods()
        archive.check_storages()
        archive.check_golden()
        results = [result for runtime in resolved for result in runtime.verify(archive)]
        if archive.manifest is None:
            raise PackageError(f"{path} has no edgekit manifest. Make it with edgekit export.")
        return VerifyReport(path=os.fspath(path), manifest=archive.manifest, results=tuple(results))
