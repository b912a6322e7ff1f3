"""The server's file: frozen TorchScript, put through optimize_for_inference after loading.

Saved after `optimize_for_inference`, a module does not load again; so that step belongs to the loader.
"""

import os
import tempfile
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path

import torch

from edgekit.errors import PackageError, ParityError, first_line
from edgekit.files import reserve
from edgekit.format.schema import Tolerance
from edgekit.format.writer import rewrite_plain
from edgekit.optimize.recipes import OptimizedModel, rounded
from edgekit.parity.eager import Reference, compare, exact_eager, judges_rounding, rounding_bounds, worst


def save_server(optimized: OptimizedModel, path: Path) -> None:
    """Writes the frozen module, without debug records."""
    with tempfile.TemporaryDirectory(prefix=".edgekit-", dir=path.parent) as scratch:
        reserve(Path(scratch), optimized.room_bytes)
        raw = Path(scratch) / "archive.pt"
        torch.jit.save(optimized.server, str(raw))
        rewrite_plain(raw, path)


def load_server(path: str | os.PathLike[str]) -> torch.jit.ScriptModule:
    """Loads a TorchScript file and optimizes it for inference on this machine.

    Raises:
        PackageError: the file is no TorchScript.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        try:
            module: torch.jit.ScriptModule = torch.jit.load(os.fspath(path), map_location="cpu")
        except (RuntimeError, ValueError, OSError, zipfile.BadZipFile) as error:
            raise PackageError(f"{path} is not a TorchScript file: {first_line(error)}") from error
        with exact_eager():
            optimized: torch.jit.ScriptModule = torch.jit.optimize_for_inference(module.eval())
    return optimized


def check_server(path: Path, references: Sequence[Reference], tolerance: Tolerance) -> float:
    """Loads a server file as its users will, and gives its largest norm error against the eager model.

    Raises:
        ParityError: it disagrees.
    """
    module = load_server(path)
    largest = 0.0
    for reference in filter(judges_rounding, references):
        found = worst(compare(reference, module, rounding_bounds(reference.probe, tolerance)))
        if not found.passed:
            raise ParityError(
                f"the server's .pt disagrees with the eager model once optimized, on probe {reference.probe.name!r}, "
                f"output {found.output}: {found.reason}, expected {found.expected}, got {found.actual}. Nothing was written."
            )
        if not reference.probe.stress:
            largest = max(largest, found.norm_error or 0.0)
    return rounded(largest)
