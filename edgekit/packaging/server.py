"""The server's file: frozen TorchScript.

A module that was saved after `optimize_for_inference` does not load again, so that step belongs to the loader. The step is
judged here: where it breaks the answers, the file says so in an extra record, and loaders leave it out.
"""

import json
import logging
import os
import tempfile
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path

import torch

from edgekit.errors import PackageError, first_line
from edgekit.files import reserve
from edgekit.format.schema import PassResult, Tolerance
from edgekit.format.writer import rewrite_plain
from edgekit.optimize.optimizer import OptimizedModel
from edgekit.parity.comparison import describe
from edgekit.parity.eager import exact_eager
from edgekit.parity.gate import Judgement, judge_optimized

EXTRA = "edgekit/server.json"  # only in files that must not be optimized: {"optimize_for_inference": false}
STEP = "optimize_for_inference"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerDraft:
    """A written server file, what became of `optimize_for_inference`, and its largest error against the eager model."""

    path: Path
    step: PassResult
    norm_error: float


def draft_server(optimized: OptimizedModel, tolerance: Tolerance, folder: Path) -> ServerDraft | None:
    """Writes the frozen module without debug records into a folder, and judges it as its users will load it.

    Returns:
        None where the file gives other answers than the eager model with and without the step; the package is not
        affected, so that is only a warning.
    """
    name = optimized.captured.source.name
    path = folder / "server.pt"
    broken = ""
    for optimize in (True, False):
        _save(optimized, path, optimize)
        judged = _judge(path, optimized, tolerance)
        if isinstance(judged, Judgement) and judged.passed:
            if broken:
                _log.warning("the server's file of %s is for use without %s: %s", name, STEP, broken)
            step = PassResult(
                name=STEP, applied=optimize, norm_error=judged.norm_error if optimize else None, note=broken
            )
            return ServerDraft(path=path, step=step, norm_error=judged.norm_error)
        broken = broken or (judged if isinstance(judged, str) else describe(judged.worst))
    _log.warning("the server's file of %s is left out, as it breaks parity: %s", name, broken)
    return None


def load_server(path: str | os.PathLike[str]) -> torch.jit.ScriptModule:
    """Loads a TorchScript file and optimizes it for inference on this machine, unless the file forbids that.

    Raises:
        PackageError: the file is not TorchScript.
    """
    extra = {EXTRA: ""}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        try:
            module: torch.jit.ScriptModule = torch.jit.load(os.fspath(path), map_location="cpu", _extra_files=extra)
        except (RuntimeError, ValueError, OSError, zipfile.BadZipFile) as error:
            raise PackageError(f"{path} is not a TorchScript file: {first_line(error)}") from error
        if extra[EXTRA] and not json.loads(extra[EXTRA]).get(STEP, True):
            return module
        with exact_eager():
            optimized: torch.jit.ScriptModule = torch.jit.optimize_for_inference(module.eval())
    return optimized


def _save(optimized: OptimizedModel, path: Path, optimize: bool) -> None:
    extra = {} if optimize else {EXTRA: json.dumps({STEP: False})}
    with tempfile.TemporaryDirectory(prefix=".edgekit-", dir=path.parent) as scratch:
        reserve(Path(scratch), optimized.room_bytes)
        raw = Path(scratch) / "archive.pt"
        torch.jit.save(optimized.server, str(raw), _extra_files=extra)
        rewrite_plain(raw, path)


def _judge(path: Path, optimized: OptimizedModel, tolerance: Tolerance) -> Judgement | str:
    """The judgement, or why the file cannot be loaded and optimized."""
    try:
        module = load_server(path)
    except Exception as error:  # torch raises RuntimeError and its internal asserts
        return f"raises {type(error).__name__}: {first_line(error)}"
    return judge_optimized(module, optimized.captured.references, tolerance)
