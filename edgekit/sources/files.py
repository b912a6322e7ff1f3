"""Models from TorchScript files."""

from pathlib import Path

import torch

from edgekit.errors import SourceError, first_line
from edgekit.sources.source import SourceModel, SourceRequest, from_module

SUFFIXES = (".pt", ".pth", ".ts", ".torchscript")


def from_file(path: Path, request: SourceRequest) -> SourceModel:
    """Loads a TorchScript file.

    Raises:
        SourceError: the file does not exist or is not TorchScript.
        UsageError: the inputs do not fit the signature of `forward`.
    """
    return from_module(_loaded(path), name=path.stem, source=path.name, request=request)


def _loaded(path: Path) -> torch.jit.ScriptModule:
    if not path.is_file():
        raise SourceError(f"{path} does not exist or is not a file.")
    try:
        module: torch.jit.ScriptModule = torch.jit.load(str(path), map_location="cpu")
    except Exception as error:  # torch raises RuntimeError, ValueError, and errors of pickle and zip
        first = first_line(error)
        raise SourceError(
            f"{path} is not a TorchScript file: {first} If it is a state dict, export its model with --checkpoint {path}."
        ) from error
    return module
