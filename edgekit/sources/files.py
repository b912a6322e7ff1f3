"""Models from files. What a file is, its content says: TorchScript and programs of `torch.export` have any suffix."""

import zipfile
from pathlib import Path

import torch

from edgekit.errors import SourceError, first_line
from edgekit.sources.kinds import is_safetensors, what_is
from edgekit.sources.programs import from_program
from edgekit.sources.source import SourceModel, SourceRequest, from_module

_PROGRAM = ("/archive_format", "serialized_exported_program.json")  # of torch 2.8 and newer, and of older ones
_COMPILED = "/data/aotinductor/"
_PICKLE = b"\x80"  # a file of torch.save before its zip archives begins with it


def from_file(path: Path, request: SourceRequest) -> SourceModel:
    """Loads a TorchScript file, or a program of `torch.export`.

    Raises:
        SourceError: the file does not exist, or is neither of them.
        UsageError: the inputs do not fit the signature of `forward`.
    """
    if not path.is_file():
        raise SourceError(f"{path} does not exist or is not a file.")
    records = _records(path)
    if any(name.endswith(_PROGRAM) for name in records):
        if any(_COMPILED in f"/{name}" for name in records) and not any("/models/" in name for name in records):
            raise SourceError(
                f"{path} is compiled for one kind of machine (AOTInductor), without the model. Save the program itself with "
                "torch.export.save."
            )
        return from_program(path, request)
    return from_module(_scripted(path, records), name=_stem(path), source=path.name, request=request)


def _records(path: Path) -> list[str]:
    """The names in a zip archive; empty for another file."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError):
        return []


def _stem(path: Path) -> str:
    """The file's name without its suffix, `.torchscript.pt` too."""
    return path.name.removesuffix(path.suffix).removesuffix(".torchscript") or path.name


def _scripted(path: Path, records: list[str]) -> torch.jit.ScriptModule:
    if _is_weights(path, records):
        raise SourceError(
            f"{path} is not a TorchScript file: it has weights or objects without code. If it is a state dict, export its model "
            f"with --checkpoint {path}."
        )
    if any(name.endswith("/bytecode.pkl") for name in records):
        raise SourceError(
            f"{path} is a package for the lite interpreter, which cannot be turned back into a model. Export from the source; "
            f"`edgekit inspect {path}` names it."
        )
    try:
        module: torch.jit.ScriptModule = torch.jit.load(str(path), map_location="cpu")
    except Exception as error:  # torch raises RuntimeError, ValueError, and errors of pickle and zip
        if kind := what_is(path):
            raise SourceError(f"{path} is not a TorchScript file: it {kind}") from error
        raise SourceError(
            f"{path} is not a TorchScript file: {first_line(error).rstrip('. ')}. If it is a state dict, export its model with "
            f"--checkpoint {path}."
        ) from error
    return module


def _is_weights(path: Path, records: list[str]) -> bool:
    """Whether a file has weights or objects without code: of torch.save in its new or its old form, or of safetensors."""
    if any(name.endswith("/data.pkl") for name in records):
        return not any(name.endswith("/constants.pkl") for name in records)
    with path.open("rb") as file:
        is_pickle = file.read(1) == _PICKLE
    return is_pickle or is_safetensors(path)
