"""The one seam between edgekit and whatever runs a package."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from edgekit.format.archive import Archive
from edgekit.format.compare import Comparison

Array = npt.NDArray[np.generic]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """The verdict of one runtime on one output of one golden case."""

    runtime: str
    case: str
    comparison: Comparison


class Runs(Protocol):
    """A module that was loaded: `run` gives the structure and the named outputs of a method, or raises DeviceError."""

    def run(self, method: str, inputs: Sequence[Array]) -> tuple[str, dict[str, Array]]: ...


class Runtime(Protocol):
    """Replays a package's golden cases somewhere: in this process, in the runner's, on a board, on Android's code.

    `selftest` raises PackageError where the package does not load, and DeviceError where the runtime is not to be had.
    """

    @property
    def name(self) -> str: ...

    def selftest(self, archive: Archive) -> tuple[CaseResult, ...]: ...
