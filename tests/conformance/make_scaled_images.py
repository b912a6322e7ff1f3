"""JPEGs that are decoded at 1/2, 1/4 or 1/8, which `make_images.py` writes with the others.

The sides are odd, so that each rule for the last row and column shows, and the shorter one, 95, is just long enough when the
division is rounded up. The expected pixels are libjpeg-turbo's through Pillow.
"""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
from make_images import (
    ORIENTATIONS,
    Collection,
    Samples,
    ink_from_rgb,
    jpeg,
    jpeg_with_coarse_chroma,
    photo,
    png,
    rgb_from_ink,
    stored_for,
    tiff,
    with_segment,
)
from PIL import Image, JpegImagePlugin

WIDTH, HEIGHT = 127, 95
LEAST = {2: 24, 4: 12, 8: 6}  # the largest `resize` for a scale: half of 95 / scale, rounded up
TINY = 5


def scaled(data: bytes, scale: int) -> Samples:
    """The pixels that Pillow gives at a scale, without conversion."""
    image = Image.open(io.BytesIO(data))
    assert isinstance(image, JpegImagePlugin.JpegImageFile)
    width, height = image.size
    if scale > 1:
        image.draft(image.mode, (width // scale, height // scale))
    pixels = np.asarray(image).astype(np.int64)
    assert pixels.shape[:2] == (-(-height // scale), -(-width // scale))
    return pixels


def add_at(
    out: Collection, name: str, data: bytes, scale: int, note: str, *, orientation: int = 1, **more: Any
) -> None:
    """A JPEG that must be decoded at a scale. The index has its size in the file and as it is decoded, before it is turned."""
    pixels = scaled(data, scale)
    size = [pixels.shape[1], pixels.shape[0]]
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        pixels = rgb_from_ink(pixels)
    if orientation != 1:
        pixels = np.asarray(Image.fromarray(pixels.astype(np.uint8)).transpose(ORIENTATIONS[orientation]))
    stored = list(Image.open(io.BytesIO(data)).size)
    out.add(name, data, pixels, f"{note}, at 1/{scale}", stored=stored, size=size, **more)


def add_scaled_jpegs(out: Collection) -> None:
    picture = Image.fromarray(photo("china.jpg", 180, 60, WIDTH, HEIGHT))

    def add(name: str, note: str, data: bytes, **more: Any) -> None:
        for scale, resize in LEAST.items():
            add_at(out, f"jpeg_scaled_{name}.jpg", data, scale, note, suffix=f"_{scale}", resize=resize, **more)

    add("444", "4:4:4", jpeg(picture, subsampling="4:4:4"))
    add("422", "4:2:2", jpeg(picture, subsampling="4:2:2"))
    add("420", "4:2:0", jpeg(picture, subsampling="4:2:0"))
    add("411", "4:1:1, one scan a component", jpeg_with_coarse_chroma(picture, 1)[0])
    add("420_coarse", "4:2:0, quality 20", jpeg(picture, quality=20))
    add("progressive", "progressive, 4:2:0", jpeg(picture, progressive=True))
    add("restart", "restart markers", jpeg(picture, restart_marker_rows=1))
    add("grey", "grey", jpeg(picture.convert("L")))
    add("rgb", "RGB in the file", jpeg(picture, keep_rgb=True))
    ink = Image.fromarray(ink_from_rgb(np.asarray(picture)).astype(np.uint8), "CMYK")
    add("cmyk_adobe", "CMYK, Adobe marker", jpeg(ink))
    unknown = jpeg_with_coarse_chroma(picture, 2)[0]
    add("410", "4:1:0, which TurboJPEG does not know", unknown, readers=["python", "cpp"])
    add_other_scales(out, picture)


def add_other_scales(out: Collection, picture: Image.Image) -> None:
    """Where the rule gives another scale, or none."""
    whole = jpeg(picture)

    def add(name: str, data: bytes, scale: int, note: str, **more: Any) -> None:
        add_at(out, f"jpeg_scaled_{name}.jpg", data, scale, note, **more)

    add("not", whole, 1, "half of it would be shorter than twice 25", resize=25)
    add("most", whole, 8, "no scale is smaller", resize=1)
    add("mask", whole, 1, "a mask is in the picture's own pixels", resize=6, task="mask")
    add("tall", jpeg(picture.transpose(Image.Transpose.ROTATE_90)), 4, "the shorter side is the width", resize=12)
    add("tiny", jpeg(picture.crop((40, 40, 40 + TINY, 40 + TINY))), 4, "5 x 5 to 2 x 2", resize=1)
    for value in (3, 6):
        stored = jpeg(Image.fromarray(stored_for(picture, value)))
        data = with_segment(stored, 0xE1, b"Exif\0\0" + tiff(value, "<"))
        add(f"exif{value}", data, 4, f"Exif orientation {value} applied", resize=12, orientation=value)
    pixels = np.asarray(picture).astype(np.int64)
    out.add("png_scaled_not.png", png(pixels, 8, 2), pixels, "a PNG is never scaled", resize=6)
    frame = whole.index(b"\xff\xc0") + 5
    bomb = whole[:frame] + struct.pack(">HH", 16385, 16384) + whole[frame + 4 :]
    out.add_bad("jpeg_scaled_too_many.jpg", bomb, "the header claims 2^28 + 16384 pixels, whatever the scale", resize=6)
    readers = ["python", "cpp"]
    out.add_bad("jpeg_scaled_truncated.jpg", whole[: len(whole) * 3 // 4], "cut in the scan", resize=6, readers=readers)
