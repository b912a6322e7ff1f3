"""The server's file: frozen TorchScript, put through optimize_for_inference after loading.

Saved after `optimize_for_inference`, a module does not load again; so that step belongs to the loader.
"""

import os
import tempfile
import warnings
import zipfile
from pathlib import Path

import torch

from edgekit.errors import PackageError, ParityError, first_line
from edgekit.files import reserve
from edgekit.format.schema import Tolerance
from edgekit.format.writer import rewrite_plain
from edgekit.optimize.optimizer import OptimizedModel
from edgekit.parity.comparison import describe
from edgekit.parity.eager import exact_eager
from edgekit.parity.gate import judge_optimized


def save_server(optimized: OptimizedModel, tolerance: Tolerance, path: Path) -> float:
    """Writes the frozen module without debug records, and gives its largest norm error against the eager model.

    Raises:
        ParityError: loaded as its users will load it, it disagrees with the eager model.
    """
    with tempfile.TemporaryDirectory(prefix=".edgekit-", dir=path.parent) as scratch:
        reserve(Path(scratch), optimized.room_bytes)
        raw = Path(scratch) / "archive.pt"
        torch.jit.save(optimized.server, str(raw))
        rewrite_plain(raw, path)
    return _check(path, optimized, tolerance)


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


def _check(path: Path, optimized: OptimizedModel, tolerance: Tolerance) -> float:
    judged = judge_optimized(load_server(path), optimized.captured.references, tolerance)
    if not judged.passed:
        raise ParityError(
            f"the server's .pt disagrees with the eager model after optimize_for_inference, on probe {judged.failed[0]!r}, "
            f"{describe(judged.worst)}. Nothing was written."
        )
    return judged.norm_error
