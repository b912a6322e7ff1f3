"""Finds out which kind of source the user passed. Add a new kind of source here."""

import re
from pathlib import Path

from edgekit.errors import UsageError
from edgekit.sources.factories import from_factory
from edgekit.sources.files import SUFFIXES, from_file
from edgekit.sources.names import from_name
from edgekit.sources.source import SourceModel, SourceRequest


def load_source(text: str, request: SourceRequest) -> SourceModel:
    """Loads the model that the user passed on the command line.

    Args:
        text: a torchvision name, `pkg.module:factory`, `path/file.py:factory` or `path/model.pt`.
        request: inputs, weights and the other options.

    Raises:
        UsageError: the name is unknown, or the inputs do not fit the signature.
        SourceError: the factory, the file or the weights are unavailable.
    """
    if re.fullmatch(r"[\w-]+", text):
        return from_name(text, request)
    location, colon, attribute = text.rpartition(":")
    if colon:
        return from_factory(location, attribute, request)
    if text.endswith(SUFFIXES):
        return from_file(Path(text), request)
    raise UsageError(
        f"{text} is not a model source. Expected FILE.py:FACTORY, PKG.MODULE:FACTORY, MODEL.pt or the name of a torchvision "
        "model."
    )
