"""Finds out which kind of source the user passed. Add a new kind of source here."""

import re
from pathlib import Path

from edgekit.errors import UsageError
from edgekit.sources.factories import from_factory
from edgekit.sources.files import from_file
from edgekit.sources.names import from_name, is_name
from edgekit.sources.source import SourceModel, SourceRequest

_SUFFIXES = (".pt", ".pth", ".pt2", ".ts", ".jit", ".torchscript")  # of a file that does not exist


def load_source(text: str, request: SourceRequest) -> SourceModel:
    """Loads the model that the user passed on the command line.

    Args:
        text: a torchvision name, `pkg.module:factory`, `path/file.py:factory`, or a file: TorchScript or a program of
            `torch.export`, of any suffix.
        request: inputs, weights and the other options.

    Raises:
        UsageError: the name is unknown, or the inputs do not fit the signature.
        SourceError: the factory, the file or the weights are unavailable.
    """
    is_file = not is_name(text) and Path(text).is_file() and not text.endswith(".py")
    location, colon, attribute = text.rpartition(":")
    if colon and not is_file:
        return from_factory(location, attribute, request)
    if request.arguments:
        raise UsageError(
            f"--arg {next(iter(request.arguments))}=…: {text} is not a factory, so it takes no arguments. Leave --arg out, or "
            "pass FILE.py:FACTORY."
        )
    if is_file or text.endswith(_SUFFIXES):
        return from_file(Path(text), request)
    if re.fullmatch(r"[\w-]+", text):
        return from_name(text, request)
    raise UsageError(
        f"{text} is not a model source. Expected FILE.py:FACTORY, PKG.MODULE:FACTORY, the name of a torchvision model, or a "
        "file: TorchScript or a torch.export program."
    )
