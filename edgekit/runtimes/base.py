"""The one seam between edgekit and whatever runs a package."""
# ruff: noqa: ARG002  the defaults of a Protocol do not use their arguments

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from edgekit.errors import UsageError

if TYPE_CHECKING:
    from edgekit.format.archive import Archive
    from edgekit.format.compare import Array
    from edgekit.runtimes.results import BenchRequest, BenchResult, CaseResult


class Runtime(Protocol):
    """Runs packages somewhere: in this process, in the runner's, on a board, on Android's code.

    A class implements what its rows in `registry.py` list as capabilities. Every request raises PackageError where the package
    does not load, and DeviceError where the runtime fails.
    """

    name: str  # in the registry and in results

    def missing(self) -> str:
        """Why it cannot run on this machine, and the remedy; empty where it can. Never raises."""
        ...

    def verify(self, archive: "Archive") -> tuple["CaseResult", ...]:
        """Replays the package's golden cases."""
        raise _cannot(self.name, "verify")

    def run(self, path: str | os.PathLike[str], method: str, inputs: Sequence["Array"]) -> dict[str, "Array"]:
        """Runs a method on arrays, in order, and gives its outputs by their flattened names."""
        raise _cannot(self.name, "run")

    def bench(self, path: str | os.PathLike[str], request: "BenchRequest") -> "BenchResult":
        """Times a method on the inputs of its first golden case."""
        raise _cannot(self.name, "bench")

    def operators(self) -> tuple[str, ...]:
        """The names of the operators that it can run, as the runtime itself lists them."""
        raise _cannot(self.name, "ops")


def _cannot(name: str, request: str) -> UsageError:
    return UsageError(f"runtime {name!r} does not implement {request}.")
