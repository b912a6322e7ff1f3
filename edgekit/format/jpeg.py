"""JPEG by libjpeg-turbo, with the same harmless and fatal warnings as the C++ runner.

The decoder reports only its first warning. So what causes harmless ones is mended in a copy of the file first, and a warning
that is left is fatal. Only the decoder knows about extra bytes before the end marker: they are cut off when it warns of them.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING

from edgekit.format.picture import Decoded, PictureSizeError, UnsupportedPictureError, scaled_side, strict_pillow

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# The bytes up to the next marker, and the marker. Nothing is read twice, so that the time is linear whatever is in the file.
_MARKER = re.compile(rb"[^\xff]*+(?:\xff++\0[^\xff]*+)*+(\xff++[^\xff])")
_MARKER_AFTER_SCAN = re.compile(rb"[^\xff]*+(?:\xff++[\0\xd0-\xd7][^\xff]*+)*+(\xff++[^\xff])")  # restarts belong to it
_STUFFED = re.compile(rb"\xff+\0")  # the decoder reads it as FF, and counts it as two bytes
_EXTRA_BEFORE_END = re.compile(r"Corrupt JPEG data: ([0-9]+) extraneous bytes before marker 0xd9")
_CUTS = 4  # of extra bytes before the end; the decoder's buffer can hide some of them from the first
_UNKNOWN_SAMPLING = "Could not determine subsampling"
_MOST_SCANS = 100  # each takes time for all pixels, whatever its size
_LONGEST_SIDE = 65500  # of libjpeg
_AMBIGUOUS_SIDE = 16  # TurboJPEG scales in eighths; up to here, two of its scales may give one size

_START, _END, _SCAN, _APP0, _APP1, _APP14 = 0xD8, 0xD9, 0xDA, 0xE0, 0xE1, 0xEE
_WITHOUT_LENGTH = (0x01, *range(0xD0, 0xD9))
_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # 0xC4, 0xC8 and 0xCC are not frames
_DECODED = {0xC0: "baseline", 0xC1: "extended", 0xC2: "progressive"}
_PROGRESSIVE = 0xC2
_ADOBE_TRANSFORMS = {3: (0, 1), 4: (0, 2)}  # by components; the last one is what an unknown one means


def decode_jpeg(data: bytes, choose_scale: Callable[[int, int], int]) -> Decoded:
    """Decode a JPEG.

    Args:
        data: the file.
        choose_scale: gets width and height before any memory is taken, and returns the 1, 2, 4 or 8 by which both are
            divided. It raises if there are too many pixels.

    Raises:
        UnsupportedPictureError: it is not baseline, extended or progressive with 8 bits and Huffman codes, or has too many
            scans.
        PictureSizeError: a side is longer than libjpeg allows.
        ValueError, struct.error: it is damaged.
    """
    it = _Mended(data, choose_scale)
    if it.components != 4:
        return Decoded(pixels=_decode(it, "RGB"), exif=it.exif)
    return Decoded(pixels=_rgb_from_ink(_decode(it, "CMYK"), inverted=it.adobe_at > 0), exif=it.exif)


def _decode(it: _Mended, colour: str) -> NDArray[np.uint8]:
    from simplejpeg import decode_jpeg

    if it.scale > 1 and max(it.width, it.height) <= _AMBIGUOUS_SIDE:
        return _decode_by_pillow(it)
    size = {"min_height": scaled_side(it.height, it.scale), "min_width": scaled_side(it.width, it.scale)}
    for _ in range(_CUTS):
        try:
            pixels: NDArray[np.uint8] = decode_jpeg(it.stream, colour, **size)
            return pixels
        except ValueError as error:
            if _UNKNOWN_SAMPLING in str(error):
                return _decode_by_pillow(it)
            extra = _EXTRA_BEFORE_END.fullmatch(str(error))
            if extra is None:
                raise
            it.cut_before_end(int(extra[1]))
    raise ValueError("there are extra bytes before the end marker")


def _decode_by_pillow(it: _Mended) -> NDArray[np.uint8]:
    """The samples of a picture that TurboJPEG does not decode, or not at every scale. Pillow does not show warnings."""
    import numpy as np
    from PIL.JpegImagePlugin import JpegImageFile

    with strict_pillow():
        image = JpegImageFile(io.BytesIO(it.stream))
        if it.scale > 1:
            image.draft(image.mode, (it.width // it.scale, it.height // it.scale))
        image.load()
        samples = np.array(image if image.mode == "CMYK" else image.convert("RGB"))
    return 255 - samples if image.mode == "CMYK" else samples  # Pillow has inverted them


class _Mended:
    """A copy of a JPEG without what gives harmless warnings, and the header's fields."""

    def __init__(self, data: bytes, choose_scale: Callable[[int, int], int]) -> None:
        self.stream = bytearray(b"\xff\xd8")
        self.components = self.width = self.height = 0
        self.scale = 1
        self.exif = b""
        self.adobe_at = 0  # where the transform of the last Adobe marker is in the stream
        self._choose_scale = choose_scale
        self._frame = self._scans = 0
        self._last_at = 0  # where the bytes after the last segment start in the stream
        self._copy(data)
        known = _ADOBE_TRANSFORMS.get(self.components)
        if self.adobe_at and known and self.stream[self.adobe_at] not in known:
            self.stream[self.adobe_at] = known[-1]

    def _copy(self, data: bytes) -> None:
        at, marker = 2, _START
        while marker != _END:
            found = (_MARKER_AFTER_SCAN if marker == _SCAN else _MARKER).match(data, at)
            if found is None:
                raise ValueError("the end marker is missing")
            if self._scans:  # in the header, bytes between the segments are left out
                self.stream += memoryview(data)[at : found.start(1)]
            at, marker = found.end(), data[found.end() - 1]
            self.stream += bytes([0xFF, marker])
            if marker == _END or marker in _WITHOUT_LENGTH:
                continue
            (length,) = struct.unpack_from(">H", data, at)
            size = max(2, length)  # a shorter one is left to the decoder
            payload = bytearray(data[at + 2 : at + size])
            if len(payload) != size - 2:
                raise ValueError("the file ends within a segment")
            self._read(marker, payload)
            self.stream += struct.pack(">H", length) + payload
            self._last_at = len(self.stream)
            at += size

    def cut_before_end(self, count: int) -> None:
        """Take away so many bytes before the end marker, as the decoder counts them."""
        data = _STUFFED.sub(b"\xff\0", self.stream[self._last_at : -2])
        self.stream[self._last_at : -2] = data[: max(0, len(data) - count)]

    def _read(self, marker: int, payload: bytearray) -> None:
        """Take what a segment says, and mend it in place."""
        if marker in _FRAMES and not self._frame:
            self._read_frame(marker, payload)
        elif marker == _SCAN:
            self._scans += 1
            if self._scans > _MOST_SCANS:
                raise UnsupportedPictureError(f"a JPEG with more than {_MOST_SCANS} scans")
            if self._frame != _PROGRESSIVE and len(payload) >= 3:
                payload[-3:] = 0, 63, 0  # the only parameters of a sequential scan
        elif self._scans:
            return
        elif marker == _APP0 and payload.startswith(b"JFIF\0") and len(payload) >= 14:
            payload[5] = 1  # the major version; the decoder warns of others
        elif marker == _APP1 and payload.startswith(b"Exif\0\0"):
            self.exif = self.exif or bytes(payload)
        elif marker == _APP14 and payload.startswith(b"Adobe") and len(payload) >= 12:
            self.adobe_at = len(self.stream) + 2 + 11

    def _read_frame(self, marker: int, payload: bytearray) -> None:
        precision, self.height, self.width, self.components = struct.unpack_from(">BHHB", payload)
        self._frame = marker
        if marker not in _DECODED:
            raise UnsupportedPictureError(
                f"a JPEG of the process SOF{marker - 0xC0} (lossless, hierarchical or with arithmetic codes), expected "
                f"{', '.join(_DECODED.values())}"
            )
        if precision != 8:
            raise UnsupportedPictureError(f"a JPEG with {precision} bits per sample, expected 8")
        self.scale = self._choose_scale(self.width, self.height)
        if max(self.width, self.height) > _LONGEST_SIDE:
            raise PictureSizeError(
                f"a JPEG of {self.width} x {self.height} pixels, expected sides of at most {_LONGEST_SIDE}. Scale it down first."
            )


def _rgb_from_ink(samples: NDArray[np.uint8], *, inverted: bool) -> NDArray[np.uint8]:
    """Four planes of ink to RGB, in rows, to bound the memory."""
    import numpy as np

    pixels = np.empty((*samples.shape[:2], 3), np.uint8)
    for row, out in zip(samples, pixels, strict=True):
        paper = row.astype(np.int32) if inverted else 255 - row.astype(np.int32)  # 255 - ink
        product = (255 - paper[:, :3]) * paper[:, 3:] + 128
        out[:] = paper[:, 3:] - ((product + (product >> 8)) >> 8)
    return pixels
