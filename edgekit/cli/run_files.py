"""The files of `edgekit run` for pictures: the mask, and the picture with its mask or its boxes drawn over it."""

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgekit.errors import UsageError

MOST_LABELS = 5  # of a picture, unless the user asks for more


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureFiles:
    """The files to write for a picture; None where none is wanted."""

    mask: Path | None = None
    overlay: Path | None = None


def picture_files(options: argparse.Namespace, pictures: Sequence[Path]) -> list[PictureFiles]:
    """The files for each picture. With several pictures, each adds its name before the suffix.

    Raises:
        UsageError: two of them have the same name, or one is the package or a picture.
    """
    named = {"-o": _named("-o", options.output, pictures), "--overlay": _named("--overlay", options.overlay, pictures)}
    wanted = [(option, path) for option, paths in named.items() for path in paths if path is not None]
    read = [Path(options.package), *pictures]
    for option, path in wanted:
        if [other for _, other in wanted].count(path) > 1:
            raise UsageError(
                f"{option} {path} would be written twice. Choose other names, or run the pictures one by one."
            )
        if path.exists() and any(other.exists() and path.samefile(other) for other in read):
            raise UsageError(f"{option} {path} is read by this run; expected another file. Choose a new name.")
    return [PictureFiles(mask=mask, overlay=over) for mask, over in zip(named["-o"], named["--overlay"], strict=True)]


def _named(option: str, wanted: Path | None, pictures: Sequence[Path]) -> list[Path | None]:
    if wanted is None:
        return [None] * len(pictures)
    if wanted.suffix.lower() != ".png":
        raise UsageError(f"{option} {wanted}: pictures are written as PNG; expected a name that ends in .png.")
    if len(pictures) == 1:
        return [wanted]
    stems = (re.sub(r"[^A-Za-z0-9_.-]", "_", picture.stem) for picture in pictures)
    return [wanted.with_name(f"{wanted.stem}.{stem}{wanted.suffix}") for stem in stems]
