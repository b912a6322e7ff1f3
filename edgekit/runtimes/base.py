"""The one seam between edgekit and whatever runs a package."""

from dataclasses import dataclass
from typing import Protocol

from edgekit.compare import Comparison
from edgekit.package.archive import Archive


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """The verdict of one runtime on one output of one golden case."""

    runtime: str
    case: str
    comparison: Comparison


class Runtime(Protocol):
    """Replays a package's golden cases somewhere: in this process, in the runner's, on a board, on Android's code.

    `selftest` raises PackageError where the package does not load, and DeviceError where the runtime is not to be had.
    """

    @property
    def name(self) -> str: ...

    def selftest(self, archive: Archive) -> tuple[CaseResult, ...]: ...
