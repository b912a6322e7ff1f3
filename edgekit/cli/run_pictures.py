"""Pictures of `edgekit run`: files, folders of them and standard input. A bad picture does not stop the others."""

import argparse
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.cli.run_boxes import least_score, write_boxes
from edgekit.cli.run_files import MOST_LABELS, PictureFiles, picture_files
from edgekit.cli.run_masks import write_mask
from edgekit.errors import DeviceError, ImageError, UsageError
from edgekit.format.decode import decode_bytes, decode_image
from edgekit.format.picture import MAX_BYTES, SUFFIXES
from edgekit.format.schema import BOXES, MASK
from edgekit.runtimes.results import LabelScore, PictureResult

if TYPE_CHECKING:
    from edgekit.model import PackageModel

_LOG = logging.getLogger(__name__)
_STANDARD_INPUT = Path("-")
_PIECE = 2**20


def run_pictures(model: "PackageModel", options: argparse.Namespace) -> tuple[int, Sequence[PictureResult]]:
    """The labels, the mask or the boxes of every picture, printed one after the other unless `--json` is given.

    Returns:
        The exit code, which is the worst of all pictures, and a result for each.
    """
    from edgekit.report.console import print_picture

    if options.topk is not None and options.topk < 1:
        raise UsageError(f"topk is {options.topk}; expected at least 1.")
    resize, full = model.picture_resize(), model.needs_full_pictures
    code, failed, results = 0, 0, []
    pictures = list(_expanded(options.pictures))
    for path, files in zip(pictures, _files(model, options, pictures), strict=True):
        try:
            if path == _STANDARD_INPUT:
                image = decode_bytes(_standard_input(), "standard input", resize, full=full)
            else:
                image = decode_image(path, resize, full=full)
            if model.task == MASK:
                results.append(write_mask(model, image, files, options, _text(path)))
            elif model.task == BOXES:
                results.append(write_boxes(model, image, files, options, _text(path)))
            else:
                found = model.predict(image, options.topk or MOST_LABELS)
                labels = tuple(LabelScore(label=label, score=score) for label, score in found)
                results.append(PictureResult(file=_text(path), labels=labels))
            if not options.json:  # one after the other, since a run may take long
                print_picture(results[-1], least_score(options) if model.task == BOXES else None)
        except (ImageError, DeviceError) as error:
            code, failed = max(code, error.exit_code), failed + 1
            results.append(PictureResult(file=_text(path), labels=(), error=str(error)))
            _LOG.error(str(error))
    if failed and len(results) > 1:
        _LOG.error("%d of %d pictures failed, as said above", failed, len(results))
    return code, results


def _files(model: "PackageModel", options: argparse.Namespace, pictures: Sequence[Path]) -> list[PictureFiles]:
    """The files to write for each picture. Refuses options that are for another kind of package."""
    if options.min_score is not None and model.task != BOXES:
        raise UsageError(
            f"--min-score is for boxes, and {options.package} gives {model.task} for pictures. Leave it out."
        )
    if options.output is not None and model.task == BOXES:
        raise UsageError(
            f"-o {options.output}: {options.package} gives boxes for pictures, not masks. Use --overlay FILE.png to draw them, "
            "or --json."
        )
    if model.task in (MASK, BOXES):
        return picture_files(options, pictures)
    given = next((name for name in ("output", "overlay") if getattr(options, name) is not None), None)
    if given is not None:
        option = "-o" if given == "output" else "--overlay"
        raise UsageError(
            f"{option} {getattr(options, given)}: {options.package} gives labels for pictures, not masks or boxes. Leave it "
            "out, or redirect standard output."
        )
    return [PictureFiles()] * len(pictures)


def _expanded(paths: Sequence[Path]) -> Iterator[Path]:
    """The files; a folder is replaced by its pictures, sorted by name, without hidden files and without folders in it."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        try:
            inside = sorted(
                file
                for file in path.iterdir()
                if not file.name.startswith(".") and file.suffix.lower() in SUFFIXES and file.is_file()
            )
        except OSError as error:
            raise UsageError(f"{path}: the folder cannot be read ({error.strerror}). Check its permissions.") from error
        if not inside:
            raise UsageError(f"{path}: a folder without pictures ({', '.join(sorted(SUFFIXES))}). Give another one.")
        yield from inside


def _standard_input() -> bytes:
    data = bytearray()
    while len(data) <= MAX_BYTES and (piece := sys.stdin.buffer.read(_PIECE)):
        data += piece
    return bytes(data)


def _text(path: Path) -> str:
    """The path for a document, which is UTF-8 although the path may be any bytes."""
    return os.fsencode(path).decode("utf-8", "replace")
