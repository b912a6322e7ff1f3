"""Decode a picture to RGB, as "The image contract" in docs/format.md says.

The C++ and Kotlin readers implement the same contract; the tests run all three on `tests/conformance/images/`.
"""

from __future__ import annotations

import os
import stat
import struct
import zlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.errors import ImageError
from edgekit.format.beyond import decode_beyond
from edgekit.format.jpeg import decode_jpeg
from edgekit.format.picture import (
    JPEG,
    MAX_BYTES,
    PNG,
    PictureSizeError,
    UnsupportedPictureError,
    check_size,
    exif_orientation,
    jpeg_scale,
    picture_kind,
    turn_upright,
)
from edgekit.format.png import decode_png

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_START = 64  # bytes that tell what a file is


def decode_image(path: str | os.PathLike[str], resize: int | None = None, *, full: bool = False) -> NDArray[np.uint8]:
    """Decode a picture file.

    Args:
        path: a JPEG or PNG file. WebP, AVIF and HEIC are decoded where Pillow does, which is beyond the contract.
        resize: the `resize` of the package that gets the picture. It limits how narrow the picture may be, and a JPEG is
            decoded at the smallest of 1/1, 1/2, 1/4 and 1/8 that leaves its shorter side at least twice `resize`.
        full: decode a JPEG at 1/1, as masks and boxes need it: they are in the picture's own pixels.

    Returns:
        RGB, `[H, W, 3]` uint8, C-contiguous; the Exif orientation is applied.

    Raises:
        ImageError: the file cannot be read, is not such a picture, is damaged, or has too many pixels.
    """
    name = os.fspath(path)
    return decode_bytes(_read_file(name), name, resize, full=full)


def decode_bytes(data: bytes, name: str, resize: int | None = None, *, full: bool = False) -> NDArray[np.uint8]:
    """Decode a picture in memory; `name` is for messages. The rest is as in `decode_image`."""
    kind = _kind_of(data, name)
    check = partial(check_size, resize=resize)
    try:
        if kind == JPEG:
            decoded = decode_jpeg(data, partial(jpeg_scale, resize=resize, full=full))
        else:
            decoded = decode_png(data, check) if kind == PNG else decode_beyond(kind, name, data, check)
    except PictureSizeError as error:
        raise ImageError(f"{name}: {error}") from error
    except UnsupportedPictureError as error:
        raise ImageError(f"{name}: {error}. Save the picture again as a usual JPEG or PNG.") from error
    except MemoryError:
        raise
    except (OSError, ValueError, SyntaxError, EOFError, RuntimeError, struct.error, zlib.error) as error:
        raise ImageError(
            f"{name}: damaged or truncated, expected a whole {kind} ({error}). "
            "Copy or download the file again, or save the picture again."
        ) from error
    return turn_upright(decoded.pixels, exif_orientation(decoded.exif))


def _read_file(name: str) -> bytes:
    """The whole file, in memory: a file that another program writes meanwhile cannot end this process."""
    try:
        status = Path(name).stat()
        regular = stat.S_ISREG(status.st_mode)
        if not regular and not _is_descriptor(name):  # a pipe would block
            what = "a directory" if stat.S_ISDIR(status.st_mode) else "not a regular file"
            raise ImageError(f"{name}: {what}, expected a JPEG or PNG file. Give one picture.")
        with Path(name).open("rb") as file:
            start = file.read(_START)
            _kind_of(start, name)
            return start + file.read(min(status.st_size, MAX_BYTES + 1) if regular else MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise ImageError(f"{name}: no such file, expected a JPEG or PNG. Check the path.") from error
    except ImageError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise ImageError(f"{name}: cannot be read ({error}). Check the path and its permissions.") from error


def _is_descriptor(name: str) -> bool:
    """Whether this process has it open already, such as standard input or what a shell writes for `<(command)`."""
    return name == "/dev/stdin" or name.startswith(("/dev/fd/", "/proc/self/fd/"))


def _kind_of(data: bytes, name: str) -> str:
    if not data:
        raise ImageError(f"{name}: empty, expected a JPEG or PNG. Copy or download the file again.")
    if len(data) > MAX_BYTES:
        raise ImageError(f"{name}: more than {MAX_BYTES} bytes (2^30), expected a smaller file. Scale it down first.")
    kind = picture_kind(data[:_START])
    if kind is None:
        raise ImageError(f"{name}: starts with {data[:8]!r}, expected a JPEG or PNG. Give a picture.")
    return kind
