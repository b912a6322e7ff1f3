"""Masks as PNG files with a palette, and masks drawn over their pictures."""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

_COLOURS = 256
_PALETTE_TYPE, _RGB_TYPE = 3, 2  # the colour types of PNG
_NO_FILTER = 0


def palette() -> Pixels:
    """The colour of each class, [256, 3]: those of PASCAL VOC, in which class 0 is black.

    The lowest bits of the class give the highest bits of red, green and blue, the next three bits the next ones.
    """
    classes = np.arange(_COLOURS, dtype=np.uint8)
    colours = np.zeros((_COLOURS, 3), dtype=np.uint8)
    for step in range(8):
        for channel in range(3):
            bit = 3 * step + channel
            if bit < 8:
                colours[:, channel] |= ((classes >> bit) & 1) << (7 - step)
    return colours


def overlay(picture: Pixels, mask: Pixels) -> Pixels:
    """A picture [H, W, 3] with the colours of a mask [H, W], half and half. Class 0 leaves it as it is."""
    halves = ((picture.astype(np.uint16) + palette()[mask]) // 2).astype(np.uint8)
    drawn: Pixels = np.where((mask > 0)[..., None], halves, picture)
    return drawn


def mask_png(mask: Pixels) -> bytes:
    """A PNG file whose palette indices are the classes of a mask [H, W]."""
    return _png(mask, _PALETTE_TYPE, _chunk(b"PLTE", palette().tobytes()))


def picture_png(pixels: Pixels) -> bytes:
    """A PNG file of RGB pixels [H, W, 3]."""
    return _png(pixels.reshape(pixels.shape[0], -1), _RGB_TYPE, b"", pixels.shape[1])


def _png(rows: Pixels, colour_type: int, extra: bytes, width: int | None = None) -> bytes:
    filtered = np.insert(rows, 0, _NO_FILTER, axis=1)
    header = struct.pack(">IIBBBBB", width or rows.shape[1], rows.shape[0], 8, colour_type, 0, 0, 0)
    chunks = (_chunk(b"IHDR", header), extra, _chunk(b"IDAT", zlib.compress(filtered.tobytes())), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
