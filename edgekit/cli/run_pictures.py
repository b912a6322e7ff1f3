"""Pictures of `edgekit run`: files, folders of them and standard input. A bad picture does not stop the others."""

import argparse
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.cli.run_masks import MaskFiles, mask_files, write_mask
from edgekit.errors import DeviceError, ImageError, UsageError
from edgekit.format.decode import decode_bytes, decode_image
from edgekit.format.picture import MAX_BYTES, SUFFIXES
from edgekit.runtimes.results import LabelScore, PictureResult

if TYPE_CHECKING:
    from edgekit.model import PackageModel

_LOG = logging.getLogger(__name__)
_STANDARD_INPUT = Path("-")
_PIECE = 2**20


def run_pictures(model: "PackageModel", options: argparse.Namespace) -> tuple[int, Sequence[PictureResult]]:
    """The labels or the mask of every picture, printed one after the other unless `--json` is given.

    Returns:
        The exit code, which is the worst of all pictures, and a result for each.
    """
    from edgekit.report.console import print_picture

    if options.topk < 1:
        raise UsageError(f"topk is {options.topk}; expected at least 1.")
    resize = model.picture_resize()
    code, failed, results = 0, 0, []
    pictures = list(_expanded(options.pictures))
    for path, files in zip(pictures, _files(model, options, pictures), strict=True):
        try:
            standard = path == _STANDARD_INPUT
            image = (
                decode_bytes(_standard_input(), "standard input", resize) if standard else decode_image(path, resize)
            )
            if model.gives_masks:
                results.append(write_mask(model, image, files, options, _text(path)))
            else:
                found = model.predict(image, options.topk)
                labels = tuple(LabelScore(label=label, score=score) for label, score in found)
                results.append(PictureResult(file=_text(path), labels=labels))
            if not options.json:  # one after the other, since a run may take long
                print_picture(results[-1])
        except (ImageError, DeviceError) as error:
            code, failed = max(code, error.exit_code), failed + 1
            results.append(PictureResult(file=_text(path), labels=(), error=str(error)))
            _LOG.error(str(error))
    if failed and len(results) > 1:
        _LOG.error("%d of %d pictures failed, as said above", failed, len(results))
    return code, results


def _files(model: "PackageModel", options: argparse.Namespace, pictures: Sequence[Path]) -> list[MaskFiles]:
    """The files to write for each picture."""
    if model.gives_masks:
        return mask_files(options, pictures)
    given = next((name for name in ("output", "overlay") if getattr(options, name) is not None), None)
    if given is not None:
        option = "-o" if given == "output" else "--overlay"
        raise UsageError(
            f"{option} {getattr(options, given)}: {options.package} gives labels for pictures, not masks. Leave {option} out, or "
            "redirect standard output."
        )
    return [MaskFiles(mask=None, overlay=None)] * len(pictures)


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
