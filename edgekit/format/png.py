"""What Pillow does not check in a PNG: checksums, the amount of image data, and which chunk holds the Exif data."""

from __future__ import annotations

import struct
import zlib
from typing import IO

_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
_WHOLE = ((0, 0, 1, 1),)
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def scan_png(file: IO[bytes]) -> bytes:
    """Check a PNG from its start to IEND.

    Returns:
        The Exif data of its eXIf chunk, empty if it has none.

    Raises:
        ValueError: a checksum is wrong, or there is less image data than the header says.
        struct.error: the file ends too early.
        zlib.error: the image data is damaged.
    """
    file.seek(8)
    missing, exif, inflater, kind = 0, b"", zlib.decompressobj(), b""
    while kind != b"IEND":
        length, kind = struct.unpack(">I4s", file.read(8))
        data = file.read(length)
        (checksum,) = struct.unpack(">I", file.read(4))
        if zlib.crc32(kind + data) != checksum:
            raise ValueError(f"wrong checksum of {kind.decode('latin-1')}")
        if kind == b"IHDR":
            missing = _data_size(data)
        elif kind == b"eXIf":
            exif = exif or data
        elif kind == b"IDAT" and missing:  # never more at once than the pixels need
            missing -= len(inflater.decompress(inflater.unconsumed_tail + data, missing))
    if missing:
        raise ValueError(f"{missing} bytes of image data are missing")
    return exif


def _data_size(header: bytes) -> int:
    """The bytes of all rows, each with its filter type, before compression."""
    width, height, depth, colour, interlaced = struct.unpack(">IIBB2xB", header)
    size = 0
    for x, y, step_x, step_y in _ADAM7 if interlaced else _WHOLE:
        columns, rows = -((x - width) // step_x), -((y - height) // step_y)
        if columns > 0 and rows > 0:
            size += rows * (1 + (columns * depth * _CHANNELS[colour] + 7) // 8)
    return size
