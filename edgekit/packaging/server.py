"""The server's file: frozen TorchScript.

The loader runs `optimize_for_inference`, because a module that is saved after this step cannot be loaded again. The export
judges the step: if it breaks parity, an extra record in the file tells loaders to leave it out.
"""

import logging
import os
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path

import msgspec
import torch

from edgekit.engines import held_engine
from edgekit.errors import PackageError, first_line
from edgekit.files import reserve, scratch_folder
from edgekit.format.schema import PassResult, Tolerance
from edgekit.format.writer import rewrite_plain
from edgekit.optimize.optimizer import OptimizedModel
from edgekit.parity.eager import exact_eager
from edgekit.parity.gate import Judgement, judge_optimized, sharpest
from edgekit.sources.quantized import is_quantized

EXTRA = "edgekit/server.json"  # only in files that must not be optimized, or that have quantized weights
STEP = "optimize_for_inference"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerDraft:
    """A written server file, the result of `optimize_for_inference`, and the largest error against the eager model."""

    path: Path
    step: PassResult
    norm_error: float


class ServerSettings(msgspec.Struct):
    """How a loader treats a server file; the record `EXTRA` in it, where one differs from these."""

    optimize_for_inference: bool = True
    quantized_engine: str | None = None


def draft_server(optimized: OptimizedModel, tolerance: Tolerance, folder: Path) -> ServerDraft | None:
    """Writes the frozen module without debug records to a folder, loads it with `load_server`, and judges it.

    Returns:
        None if the file disagrees with the eager model both with and without `optimize_for_inference`. This is only a
        warning, because the package does not depend on it.
    """
    name = optimized.captured.source.name
    path = folder / "server.pt"
    broken = ""
    for optimize in (True, False):
        _save(optimized, path, optimize)
        judged, why = _judge(path, optimized, tolerance, to_the_end=not optimize)
        if judged is not None and not why:
            if broken:
                _log.warning(
                    "the server's file of %s is loaded without %s, which breaks parity: %s", name, STEP, broken
                )
            error, note = judged.norm_error if optimize else None, broken.partition("\n")[0]
            step = PassResult(name=STEP, applied=optimize, norm_error=error, note=note)
            return ServerDraft(path=path, step=step, norm_error=judged.norm_error)
        broken = broken or why
    _log.warning("the server's file of %s was not written, because it breaks parity: %s", name, broken)
    return None


def load_server(path: str | os.PathLike[str]) -> torch.jit.ScriptModule:
    """Loads a TorchScript file, and optimizes it for inference on this machine unless the file forbids it.

    Raises:
        PackageError: the file is not TorchScript.
    """
    settings = server_settings(path)
    with warnings.catch_warnings(), held_engine(settings.quantized_engine, os.fspath(path)):
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        try:
            module: torch.jit.ScriptModule = torch.jit.load(os.fspath(path), map_location="cpu")
        except (RuntimeError, ValueError, OSError) as error:
            raise PackageError(f"{path} is not a TorchScript file: {first_line(error)}") from error
        if not settings.optimize_for_inference:
            return module
        with exact_eager():
            optimized: torch.jit.ScriptModule = torch.jit.optimize_for_inference(module.eval())
    return optimized


def server_settings(path: str | os.PathLike[str]) -> ServerSettings:
    """The settings of a server file, read before torch packs its weights.

    Raises:
        PackageError: the file is not a zip archive, or its record is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            record = next((name for name in archive.namelist() if name.endswith(f"/extra/{EXTRA}")), None)
            return (
                ServerSettings() if record is None else msgspec.json.decode(archive.read(record), type=ServerSettings)
            )
    except (OSError, zipfile.BadZipFile, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise PackageError(f"{path} is not a TorchScript file: {first_line(error)}") from error


def _save(optimized: OptimizedModel, path: Path, optimize: bool) -> None:
    engine = torch.backends.quantized.engine if is_quantized(optimized.server) else None
    settings = ServerSettings(optimize_for_inference=optimize, quantized_engine=engine)
    extra = {} if settings == ServerSettings() else {EXTRA: msgspec.json.encode(settings).decode("ascii")}
    with scratch_folder(path.parent) as scratch:
        reserve(scratch, optimized.room_bytes)
        raw = scratch / "archive.pt"
        torch.jit.save(optimized.server, str(raw), _extra_files=extra)
        rewrite_plain(raw, path)


def _judge(
    path: Path, optimized: OptimizedModel, tolerance: Tolerance, *, to_the_end: bool
) -> tuple[Judgement | None, str]:
    """The judgement, and why the file is wrong; None and the reason if it cannot be loaded and optimized."""
    try:
        module = load_server(path)
    except Exception as error:  # torch raises RuntimeError and internal assertion errors
        return None, f"raises {type(error).__name__}: {first_line(error)}"
    answers = optimized.captured.references
    judged = judge_optimized(
        module, answers if optimized.proof == "full" else sharpest(answers), tolerance, to_the_end=to_the_end
    )
    return judged, "" if judged.passed else f"{judged.failure}{judged.departure(module)}"
