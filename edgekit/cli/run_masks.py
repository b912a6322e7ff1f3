"""The masks of `edgekit run`: a file for each picture, and one with the mask drawn over the picture."""

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.errors import UsageError
from edgekit.runtimes.results import LabelScore, PictureResult

if TYPE_CHECKING:
    from edgekit.format.mask import Pixels
    from edgekit.model import PackageModel


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskFiles:
    """The files to write for a picture; None where none is wanted."""

    mask: Path | None
    overlay: Path | None


def mask_files(options: argparse.Namespace, pictures: Sequence[Path]) -> list[MaskFiles]:
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
    return [MaskFiles(mask=mask, overlay=over) for mask, over in zip(named["-o"], named["--overlay"], strict=True)]


def _named(option: str, wanted: Path | None, pictures: Sequence[Path]) -> list[Path | None]:
    if wanted is None:
        return [None] * len(pictures)
    if wanted.suffix.lower() != ".png":
        raise UsageError(f"{option} {wanted}: masks are PNG files; expected a name that ends in .png.")
    if len(pictures) == 1:
        return [wanted]
    stems = (re.sub(r"[^A-Za-z0-9_.-]", "_", picture.stem) for picture in pictures)
    return [wanted.with_name(f"{wanted.stem}.{stem}{wanted.suffix}") for stem in stems]


def write_mask(
    model: "PackageModel", pixels: "Pixels", files: MaskFiles, options: argparse.Namespace, name: str
) -> PictureResult:
    """Runs a picture, and writes its files. The labels are those in the mask, with their share of the pixels."""
    import numpy as np

    from edgekit.files import atomic
    from edgekit.format.mask import mask_png, overlay, picture_png

    mask = model.segment(pixels)
    if files.mask is not None:
        with atomic(files.mask) as file:
            file.write_bytes(mask_png(mask))
    if files.overlay is not None:
        with atomic(files.overlay) as file:
            file.write_bytes(picture_png(overlay(pixels, mask)))
    counts = np.bincount(mask.reshape(-1))
    largest = sorted(np.flatnonzero(counts).tolist(), key=lambda index: -int(counts[index]))[: options.topk]
    return PictureResult(
        file=name,
        labels=tuple(LabelScore(label=model.label(index), score=float(counts[index] / mask.size)) for index in largest),
        mask=None if files.mask is None else str(files.mask),
        overlay=None if files.overlay is None else str(files.overlay),
    )
