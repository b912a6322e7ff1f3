"""PNG by its critical chunks, as the C++ runner reads it.

Only IHDR, PLTE and IDAT decide the pixels. Pillow gets a copy with these chunks alone, so that no other chunk can refuse the
picture, change it or take memory.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edgekit.format.picture import Decoded, UnsupportedPictureError, strict_pillow

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.ImageFile import ImageFile

_MAGIC = b"\x89PNG\r\n\x1a\n"
_GREY, _RGB, _PALETTE, _GREY_ALPHA, _RGBA = 0, 2, 3, 4, 6
_CHANNELS = {_GREY: 1, _RGB: 3, _PALETTE: 1, _GREY_ALPHA: 2, _RGBA: 4}
_DEPTHS = {_GREY: (1, 2, 4, 8, 16), _RGB: (8, 16), _PALETTE: (1, 2, 4, 8), _GREY_ALPHA: (8, 16), _RGBA: (8, 16)}
_PALETTE_BYTES = 768
_WHOLE = ((0, 0, 1, 1),)
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_PIECE = 2**20  # what is inflated at once


@dataclass(slots=True, kw_only=True)
class _Chunks:
    """The chunks that count."""

    header: bytes
    palette: bytes | None = None
    data: list[memoryview] = field(default_factory=list)
    exif: bytes = b""

    @property
    def colour(self) -> int:
        return self.header[9]


def decode_png(data: bytes, check_size: Callable[[int, int], None]) -> Decoded:
    """Decode a PNG.

    Args:
        data: the file.
        check_size: gets width and height before any memory is taken, and raises if there are too many pixels.

    Raises:
        UnsupportedPictureError: it has a critical chunk that is not known.
        ValueError, zlib.error: it is damaged or breaks a rule for critical chunks.
    """
    chunks = _read_chunks(data, check_size)
    _check_image_data(chunks.data, _data_size(chunks.header))
    with strict_pillow():
        from PIL.PngImagePlugin import PngImageFile

        image = PngImageFile(io.BytesIO(_critical_alone(chunks)))
        image.load()
        return Decoded(pixels=_to_rgb(image), exif=chunks.exif)


def _read_chunks(data: bytes, check_size: Callable[[int, int], None]) -> _Chunks:
    walk = _walk(data)
    kind, body = next(walk)
    if kind != b"IHDR":
        raise ValueError("the first chunk is not IHDR")
    chunks = _Chunks(header=bytes(body))
    _check_header(chunks.header)
    check_size(*struct.unpack(">II", chunks.header[:8]))
    last = kind
    for kind, body in walk:
        if kind == b"IDAT":
            if chunks.data and last != b"IDAT":
                raise ValueError("there is a chunk between two IDAT chunks")
            chunks.data.append(body)
        elif kind == b"PLTE":
            _read_palette(chunks, bytes(body))
        elif kind == b"eXIf":
            chunks.exif = chunks.exif or bytes(body)
        elif kind == b"IHDR":
            raise ValueError("there are two IHDR chunks")
        elif not kind[0] & 0x20 and kind != b"IEND":
            raise UnsupportedPictureError(f"a PNG with the unknown critical chunk {kind.decode('ascii')}")
        last = kind
    if not chunks.data:
        raise ValueError("there is no IDAT chunk")
    return chunks


def _walk(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """The chunks up to IEND, whose checksums are right."""
    view, at, kind = memoryview(data), len(_MAGIC), b""
    while kind != b"IEND":
        if len(view) - at < 12:
            raise ValueError("the file ends before IEND")
        length, kind = struct.unpack_from(">I4s", view, at)
        if not kind.isalpha():
            raise ValueError("the type of a chunk is not four letters")
        if length > len(view) - at - 12:
            raise ValueError(f"the file ends within {kind.decode('ascii')}")
        (checksum,) = struct.unpack_from(">I", view, at + 8 + length)
        if zlib.crc32(view[at + 4 : at + 8 + length]) != checksum:
            raise ValueError(f"wrong checksum of {kind.decode('ascii')}")
        yield kind, view[at + 8 : at + 8 + length]
        at += 12 + length


def _check_header(header: bytes) -> None:
    if len(header) != 13:
        raise ValueError("IHDR does not have 13 bytes")
    width, height, depth, colour, compression, filters, interlaced = struct.unpack(">IIBBBBB", header)
    if not width or not height or max(width, height) >= 2**31:
        raise ValueError(f"the size is {width} x {height}")
    if depth not in _DEPTHS.get(colour, ()):
        raise ValueError(f"colour type {colour} with {depth} bits does not exist")
    if compression or filters or interlaced > 1:
        raise ValueError("the compression, filter or interlace method does not exist")


def _read_palette(chunks: _Chunks, palette: bytes) -> None:
    if chunks.palette is not None:
        raise ValueError("there are two PLTE chunks")
    chunks.palette = palette
    if chunks.colour == _PALETTE and (len(palette) % 3 or not 3 <= len(palette) <= _PALETTE_BYTES or chunks.data):
        raise ValueError("PLTE does not have 1 to 256 colours, or is not before IDAT")


def _data_size(header: bytes) -> int:
    """The bytes of all rows, each with its filter type, before compression."""
    width, height, depth, colour, interlaced = struct.unpack(">IIBB2xB", header)
    size = 0
    for x, y, step_x, step_y in _ADAM7 if interlaced else _WHOLE:
        columns, rows = -((x - width) // step_x), -((y - height) // step_y)
        if columns > 0 and rows > 0:
            size += rows * (1 + (columns * depth * _CHANNELS[colour] + 7) // 8)
    return size


def _check_image_data(parts: list[memoryview], size: int) -> None:
    """Inflate the rows, and one byte more: the stream ends there, with a right checksum, or goes on and is not read."""
    inflater, missing = zlib.decompressobj(), size + 1
    for part in parts:
        for at in range(0, len(part), _PIECE):
            piece: bytes | memoryview = part[at : at + _PIECE]
            while piece and missing and not inflater.eof:
                missing -= len(inflater.decompress(piece, min(missing, _PIECE)))
                piece = inflater.unconsumed_tail
    while missing and not inflater.eof and (more := inflater.decompress(b"", min(missing, _PIECE))):
        missing -= len(more)
    if missing > 1:
        raise ValueError(f"{missing - 1} bytes of image data are missing")
    if missing and not inflater.eof:
        raise ValueError("the end of the image data is missing")


def _critical_alone(chunks: _Chunks) -> bytes:
    """A PNG of the chunks that decide the pixels. Colours beyond the palette are black."""
    parts = [_MAGIC, _chunk(b"IHDR", chunks.header)]
    if chunks.colour == _PALETTE:
        if chunks.palette is None:
            raise ValueError("PLTE is missing")
        parts.append(_chunk(b"PLTE", chunks.palette.ljust(_PALETTE_BYTES, b"\0")))
    parts += [_chunk(b"IDAT", body) for body in chunks.data]
    return b"".join([*parts, _chunk(b"IEND", b"")])


def _chunk(kind: bytes, body: bytes | memoryview) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))


def _to_rgb(image: ImageFile) -> NDArray[np.uint8]:
    import numpy as np

    if image.mode.startswith("I"):  # 16-bit grey, which convert() saturates
        grey = (np.asarray(image) >> 8).astype(np.uint8)
        return np.stack([grey, grey, grey], axis=-1)
    return np.array(image if image.mode == "RGB" else image.convert("RGB"))
