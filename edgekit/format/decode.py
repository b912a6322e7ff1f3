"""Decode a JPEG or PNG to RGB, as "The image contract" in docs/format.md says.

The C++ and Kotlin readers implement the same contract; the tests run all three on `tests/conformance/images/`.
"""

from __future__ import annotations

import os
import stat
import struct
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from edgekit.errors import ImageError
from edgekit.format.png import scan_png

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image
    from PIL.ImageFile import ImageFile

MAX_PIXELS = 2**27

_MAGIC = {"PNG": b"\x89PNG\r\n\x1a\n", "JPEG": b"\xff\xd8\xff"}
_PILLOW_STATE = threading.Lock()


def decode_image(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """Decode one JPEG or PNG file.

    Returns:
        RGB, `[H, W, 3]` uint8, C-contiguous; the Exif orientation is applied.

    Raises:
        ImageError: the file cannot be read, is neither JPEG nor PNG, is damaged, or has too many pixels.
    """
    name = os.fspath(path)
    with _open_file(name) as file, _strict_pillow():
        kind = _sniff(name, file)
        try:
            image = _open_image(kind, file)
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise ImageError(
                    f"{name}: {width} x {height} = {width * height} pixels, expected at most {MAX_PIXELS} (2^27). "
                    "Scale the picture down first."
                )
            exif = scan_png(file) if kind == "PNG" else image.info.get("exif", b"")
            image.load()
            return _orient(_to_rgb(image), _exif_orientation(exif))
        except (ImageError, MemoryError):
            raise
        except Exception as error:  # Pillow reports damage with many types, for example SyntaxError and struct.error
            raise ImageError(
                f"{name}: damaged, truncated or unsupported, expected a whole {kind} ({error}). "
                "Copy or download the file again, or save the picture again."
            ) from error


def _open_file(name: str) -> IO[bytes]:
    try:
        mode = Path(name).stat().st_mode  # a pipe would block, or could not be read twice
        if not stat.S_ISREG(mode):
            what = "a directory" if stat.S_ISDIR(mode) else "not a regular file"
            raise ImageError(f"{name}: {what}, expected a JPEG or PNG file. Give one picture.")
        return Path(name).open("rb")
    except FileNotFoundError as error:
        raise ImageError(f"{name}: no such file, expected a JPEG or PNG. Check the path.") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise ImageError(f"{name}: cannot be read ({error}). Check the path and its permissions.") from error


@contextmanager
def _strict_pillow() -> Iterator[None]:
    """Silence Pillow's warnings and refuse truncated files, whatever the program has set."""
    from PIL import ImageFile

    with _PILLOW_STATE, warnings.catch_warnings(action="ignore"):
        lenient = ImageFile.LOAD_TRUNCATED_IMAGES
        ImageFile.LOAD_TRUNCATED_IMAGES = False
        try:
            yield
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = lenient


def _sniff(name: str, file: IO[bytes]) -> str:
    start = file.read(8)
    file.seek(0)
    if not start:
        raise ImageError(f"{name}: empty, expected a JPEG or PNG. Copy or download the file again.")
    for kind, magic in _MAGIC.items():
        if start.startswith(magic):
            return kind
    raise ImageError(f"{name}: starts with {start!r}, expected a JPEG or PNG. Convert the picture first.")


def _open_image(kind: str, file: IO[bytes]) -> ImageFile:
    """Read the header. Unlike `Image.open`, these classes have no pixel limit."""
    from PIL.JpegImagePlugin import JpegImageFile
    from PIL.PngImagePlugin import PngImageFile

    return JpegImageFile(file) if kind == "JPEG" else PngImageFile(file)


def _to_rgb(image: Image.Image) -> NDArray[np.uint8]:
    import numpy as np

    if image.mode.startswith("I"):  # 16-bit grey, which convert() saturates
        grey = (np.asarray(image) >> 8).astype(np.uint8)
        return np.stack([grey, grey, grey], axis=-1)
    if image.mode == "CMYK" and "adobe" not in image.info:  # Pillow inverts every CMYK file
        image = image.point(lambda value: 255 - value)
    image.info.pop("transparency", None)  # convert() would try to adapt it
    return np.array(image if image.mode == "RGB" else image.convert("RGB"))


def _exif_orientation(exif: bytes) -> int:
    """The orientation in IFD0, or 1 if there is no valid one. Pillow's getexif() would also read XMP."""
    tiff = exif.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return 1
    try:
        (ifd,) = struct.unpack_from(order + "I", tiff, 4)
        (count,) = struct.unpack_from(order + "H", tiff, ifd)
        for entry in range(ifd + 2, ifd + 2 + 12 * count, 12):
            tag, kind, _, value = struct.unpack_from(order + "HHIH", tiff, entry)
            if tag == 0x0112:  # Orientation, of type 3 (SHORT)
                return value if kind == 3 and 1 <= value <= 8 else 1
    except struct.error:  # damaged Exif data: there is no orientation
        pass
    return 1


def _orient(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    import numpy as np

    if orientation >= 5:  # 5...8 swap rows and columns
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)
