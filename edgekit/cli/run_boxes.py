"""The boxes of `edgekit run`."""

import argparse
from typing import TYPE_CHECKING

from edgekit.cli.run_files import PictureFiles
from edgekit.runtimes.results import BoxScore, PictureResult

if TYPE_CHECKING:
    from edgekit.format.mask import Pixels
    from edgekit.model import PackageModel


def least_score(options: argparse.Namespace) -> float:
    """`--min-score`, or the default."""
    from edgekit.format.boxes import MIN_SCORE

    least: float | None = options.min_score
    return MIN_SCORE if least is None else least


def write_boxes(
    model: "PackageModel", pixels: "Pixels", files: PictureFiles, options: argparse.Namespace, name: str
) -> PictureResult:
    """Runs a picture, and draws the boxes that have the least score, at most `--topk` of them."""
    from edgekit.files import atomic
    from edgekit.format.boxes import draw_boxes
    from edgekit.format.mask import picture_png

    found = model.detect(pixels, least_score(options))[: options.topk]
    if files.overlay is not None:
        with atomic(files.overlay) as file:
            file.write_bytes(picture_png(draw_boxes(pixels, found)))
    return PictureResult(
        file=name,
        labels=(),
        boxes=tuple(BoxScore(label=each.label, score=each.score, box=each.box) for each in found),
        overlay=None if files.overlay is None else str(files.overlay),
    )
