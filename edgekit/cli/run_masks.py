"""The masks of `edgekit run`."""

import argparse
from typing import TYPE_CHECKING

from edgekit.cli.run_files import MOST_LABELS, PictureFiles
from edgekit.runtimes.results import LabelScore, PictureResult

if TYPE_CHECKING:
    from edgekit.format.mask import Pixels
    from edgekit.model import PackageModel


def write_mask(
    model: "PackageModel", pixels: "Pixels", files: PictureFiles, options: argparse.Namespace, name: str
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
    largest = sorted(np.flatnonzero(counts).tolist(), key=lambda index: -int(counts[index]))[
        : options.topk or MOST_LABELS
    ]
    return PictureResult(
        file=name,
        labels=tuple(LabelScore(label=model.label(index), score=float(counts[index] / mask.size)) for index in largest),
        mask=None if files.mask is None else str(files.mask),
        overlay=None if files.overlay is None else str(files.overlay),
    )
