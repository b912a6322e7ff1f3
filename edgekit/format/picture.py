"""What the decoders of pictures share: the limits of the contract, the orientation, Pillow's settings, and what a file is."""

from __future__ import annotations

import struct
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_BYTES = 2**30  # of a file
MAX_STORED_PIXELS = 2**28  # of a JPEG as it is in the file
MAX_PIXELS = 2**27  # of a picture as it is decoded
MAX_RESIZED_PIXELS = 2**24  # of the picture that `predict` makes of it
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".avif", ".heic", ".heif"}  # the names that a folder is searched for

_PILLOW_STATE = threading.Lock()

JPEG, PNG = "JPEG", "PNG"
_STARTS = {
    b"\x89PNG\r\n\x1a\n": PNG,
    b"\xff\xd8": JPEG,
    b"GIF8": "GIF",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"%PDF": "PDF",
    b"\xff\x0a": "JPEG XL",
    b"\0\0\0\x0cJXL ": "JPEG XL",
    b"\0\0\0\x0cjP  ": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
}
_AVIF_BRANDS = (b"avif", b"avis")
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


class UnsupportedPictureError(ValueError):
    """A whole picture of a kind that the contract leaves out. The message completes "the picture is …"."""


class PictureSizeError(ValueError):
    """More pixels than a limit of the contract. The message completes "the picture is …"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """Pixels as they are stored, RGB `[H, W, 3]` uint8, and the Exif data that say how to turn them."""

    pixels: NDArray[np.uint8]
    exif: bytes


def picture_kind(start: bytes) -> str | None:
    """The name of the format that a file with these first bytes has; None if it is not known."""
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "WebP"
    if start[4:8] == b"ftyp":
        end = min(int.from_bytes(start[:4], "big"), len(start))  # of the box, whose size may be any number
        brands = {start[at : at + 4] for at in (8, *range(16, end, 4)) if at + 4 <= end}
        return "AVIF" if brands & {*_AVIF_BRANDS} else "HEIC" if brands & {*_HEIC_BRANDS} else None
    return next((kind for magic, kind in _STARTS.items() if start.startswith(magic)), None)


def jpeg_scale(width: int, height: int, resize: int | None, *, full: bool = False) -> int:
    """The 1, 2, 4 or 8 by which the sides of a JPEG are divided, rounded up: the shorter one stays at least twice `resize`.

    Args:
        width, height: the size in the file.
        resize: that of the package that gets the picture. With None or 0, the JPEG is decoded at its full size.
        full: whether the picture is needed at its full size.

    Raises:
        PictureSizeError: the JPEG has too many pixels in the file, or in its decoded or resized form.
    """
    if width * height > MAX_STORED_PIXELS:
        raise PictureSizeError(
            f"{width} x {height} = {width * height} pixels, expected at most {MAX_STORED_PIXELS} (2^28). Scale it down first."
        )
    scale = 1
    if resize is not None and resize > 0 and not full:
        scale = next((each for each in (8, 4, 2) if scaled_side(min(width, height), each) >= 2 * resize), 1)
    check_size(scaled_side(width, scale), scaled_side(height, scale), resize)
    return scale


def scaled_side(side: int, scale: int) -> int:
    """The length of a side of a JPEG that is decoded at a scale."""
    return -(-side // scale)


def check_size(width: int, height: int, resize: int | None) -> None:
    """Refuse what has too many pixels, or would have after `predict` has resized its shorter side to `resize`.

    Raises:
        PictureSizeError: the message has the size and the limit.
    """
    if width * height > MAX_PIXELS:
        raise PictureSizeError(
            f"{width} x {height} = {width * height} pixels, expected at most {MAX_PIXELS} (2^27). Scale it down first."
        )
    if resize is None or not width or not height:
        return
    short, long = sorted((width, height))
    resized = resize, resize * long // short
    if resized[0] * resized[1] > MAX_RESIZED_PIXELS:
        shown = resized if width <= height else resized[::-1]
        raise PictureSizeError(
            f"{width} x {height} pixels, which predict resizes to {shown[0]} x {shown[1]}, expected at most "
            f"{MAX_RESIZED_PIXELS} pixels (2^24) there. Crop the picture to a less narrow one."
        )


def exif_orientation(exif: bytes) -> int:
    """The orientation in IFD0, or 1 if there is no valid one."""
    tiff = exif.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return 1
    try:
        (ifd,) = struct.unpack_from(order + "I", tiff, 4)
        (count,) = struct.unpack_from(order + "H", tiff, ifd)
        for entry in range(ifd + 2, ifd + 2 + 12 * count, 12):
            tag, kind = struct.unpack_from(order + "HH", tiff, entry)
            if tag == 0x0112:  # Orientation, of type 3 (SHORT) or 4 (LONG)
                layout = {3: "H", 4: "I"}.get(kind)
                value = 1 if layout is None else struct.unpack_from(order + layout, tiff, entry + 8)[0]
                return value if 1 <= value <= 8 else 1
    except struct.error:  # damaged Exif data: there is no orientation
        pass
    return 1


def turn_upright(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """The pixels as Exif's orientation 1 to 8 says, C-contiguous."""
    import numpy as np

    if orientation >= 5:  # 5...8 swap rows and columns
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


@contextmanager
def strict_pillow() -> Iterator[None]:
    """Silence Pillow's warnings and refuse truncated files, whatever the program has set."""
    from PIL import ImageFile

    with _PILLOW_STATE, warnings.catch_warnings(action="ignore"):
        lenient = ImageFile.LOAD_TRUNCATED_IMAGES
        ImageFile.LOAD_TRUNCATED_IMAGES = False
        try:
            yield
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = lenient
