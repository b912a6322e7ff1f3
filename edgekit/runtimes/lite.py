"""torch's own lite interpreter, in this process."""

import contextlib
import os
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch.jit.mobile import _load_for_lite_interpreter

from edgekit.errors import DeviceError, PackageError, first_line
from edgekit.format.archive import Archive
from edgekit.format.compare import Comparison, compare_golden
from edgekit.format.generator import generate
from edgekit.format.schema import GoldenCase, Manifest
from edgekit.nested import named_arrays, structure_of
from edgekit.runtimes.base import Array, CaseResult, Runs


@contextlib.contextmanager
def _without_deprecation() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        yield


class LiteModule:
    """A `.ptl` in the lite interpreter; inputs and outputs are numpy arrays. Nothing is checked: see `edgekit.load`."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        try:
            with _without_deprecation():
                self._module = _load_for_lite_interpreter(os.fspath(path))
        except (RuntimeError, ValueError) as error:
            first = first_line(error)
            raise PackageError(
                f"{path} does not load in torch {torch.__version__}'s lite interpreter: {first}"
            ) from error

    def call(self, method: str, inputs: Sequence[torch.Tensor]) -> Any:
        """The method's own value, nested as it returns it."""
        with torch.no_grad():
            return self._module.run_method(method, *inputs)

    def run(self, method: str, inputs: Sequence[Array]) -> tuple[str, dict[str, Array]]:
        """The structure and the named outputs of a method.

        Raises:
            DeviceError: the interpreter raised.
        """
        try:
            value = self.call(
                method, [torch.from_numpy(np.require(array, requirements=("C", "W"))) for array in inputs]
            )
        except (RuntimeError, TypeError, ValueError, IndexError) as error:
            first = first_line(error)
            raise DeviceError(f"{method} failed in the lite interpreter: {first}") from error
        return structure_of(value), named_arrays(value)


class LiteRuntime:
    """Golden cases through the lite interpreter that torch has in Python."""

    name = "lite"

    def selftest(self, archive: Archive) -> tuple[CaseResult, ...]:
        """Loads the package and replays its golden cases."""
        if archive.golden is None or not archive.golden.cases or archive.manifest is None:
            raise PackageError(f"{archive.path} has no golden cases to replay. Make it with edgekit export.")
        module = LiteModule(archive.path)
        return tuple(
            CaseResult(runtime=self.name, case=case.name, comparison=comparison)
            for case in archive.golden.cases
            for comparison in replay(module, case, archive.manifest)
        )


def replay(module: Runs, case: GoldenCase, manifest: Manifest) -> tuple[Comparison, ...]:
    """One golden case: what the interpreter raises is a verdict too."""
    try:
        structure, outputs = module.run(case.method, [generate(given) for given in case.inputs])
    except DeviceError as error:
        return (Comparison(output="*", passed=False, reason="error", expected="outputs", actual=str(error)),)
    method = manifest.method(case.method)
    if method is not None and method.structure != structure:
        wanted = method.structure
        return (Comparison(output="*", passed=False, reason="structure", expected=wanted, actual=structure),)
    return compare_golden(case.outputs, outputs, case.tolerance or manifest.tolerance)
