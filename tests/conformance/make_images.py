"""Write the conformance files of the image contract (docs/format.md) into `images/`.

    python tests/conformance/make_images.py [FOLDER]

Each row of the contract has one file or more, with the expected RGB in `NAME.expected.png` or the word that it must
fail, in `index.json`. The expected pixels do not come from edgekit: PNG cases are computed from the source pixels
(every PNG is written here, chunk by chunk), CMYK, YCCK and 4:1:1 by formula from raw planes, other JPEGs by
libjpeg-turbo through Pillow. The same versions of Pillow, scikit-learn and zlib give the same bytes again.
"""

from __future__ import annotations

import io
import json
import shutil
import struct
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_sample_image

Pixels = NDArray[np.uint8]  # [H, W, 3]
Samples = NDArray[np.int64]  # [H, W, channels]
Chunk = tuple[bytes, bytes]

GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
ORIENTATIONS = {  # what turns the stored picture upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
UNDO = {Image.Transpose.ROTATE_90: Image.Transpose.ROTATE_270, Image.Transpose.ROTATE_270: Image.Transpose.ROTATE_90}


@dataclass
class Collection:
    """The files written so far, and the index of them."""

    folder: Path
    cases: list[dict[str, Any]] = field(default_factory=list)

    def add(self, name: str, data: bytes, expected: NDArray[Any], note: str, *, suffix: str = "", **more: Any) -> None:
        """A file that must decode to `expected`, [H, W] or [H, W, 3]. `suffix` tells its cases apart if it has several."""
        if expected.ndim == 2:
            expected = np.stack([expected] * 3, axis=-1)
        target = f"{Path(name).stem}{suffix}.expected.png"
        (self.folder / name).write_bytes(data)
        (self.folder / target).write_bytes(png(expected.astype(np.int64), 8, RGB))
        self.cases.append({"file": name, "expected": target, "error": False, "note": note} | more)

    def add_bad(self, name: str, data: bytes, note: str, **more: Any) -> None:
        """A file that must fail."""
        (self.folder / name).write_bytes(data)
        self.cases.append({"file": name, "expected": None, "error": True, "note": note} | more)

    def write_index(self) -> None:
        text = json.dumps({"schema_version": "1.0", "cases": self.cases}, indent=1)
        (self.folder / "index.json").write_text(text + "\n", encoding="ascii")


def photo(name: str, x: int, y: int, width: int, height: int) -> Pixels:
    """A crop of one of scikit-learn's sample photographs, at half size for more detail a pixel."""
    pixels: Pixels = np.ascontiguousarray(load_sample_image(name)[y : y + 2 * height : 2, x : x + 2 * width : 2])
    return pixels


# PNG


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def pack_row(row: Samples, depth: int) -> bytes:
    """One row [W, channels] as PNG stores it."""
    if depth == 16:
        return row.astype(">u2").tobytes()
    bits = np.unpackbits(row.astype(np.uint8).reshape(-1, 1), axis=1)[:, 8 - depth :]
    return np.packbits(bits).tobytes()


def filter_row(kind: int, row: bytes, above: bytes, step: int) -> bytes:
    """PNG's filters 0 to 4; `step` is the bytes of a pixel, at least 1."""
    out = bytearray([kind])
    for i, value in enumerate(row):
        left, up, corner = (row[i - step], above[i], above[i - step]) if i >= step else (0, above[i], 0)
        paeth = min((left, up, corner), key=lambda v, p=left + up - corner: abs(p - v))
        out.append((value - (0, left, up, (left + up) // 2, paeth)[kind]) & 255)
    return bytes(out)


def scanlines(samples: Samples, depth: int) -> bytes:
    """The rows of one pass, with each filter in turn."""
    step = max(1, samples.shape[2] * depth // 8)
    rows = [pack_row(row, depth) for row in samples]
    return b"".join(filter_row(y % 5, row, rows[y - 1] if y else bytes(len(row)), step) for y, row in enumerate(rows))


def png(
    samples: NDArray[Any], depth: int, colour: int, *, before: tuple[Chunk, ...] = (), after: tuple[Chunk, ...] = (),
    interlaced: bool = False, idat: Callable[[bytes], list[bytes]] = lambda data: [data],
) -> bytes:  # fmt: skip
    """A PNG file. `before` and `after` are chunks on both sides of the image data, `idat` splits or spoils these."""
    samples = samples.reshape(*samples.shape[:2], -1)
    header = struct.pack(">IIBBBBB", samples.shape[1], samples.shape[0], depth, colour, 0, 0, interlaced)
    parts = [samples[y::dy, x::dx] for x, y, dx, dy in ADAM7] if interlaced else [samples]
    data = zlib.compress(b"".join(scanlines(part, depth) for part in parts if part.size), 9)
    body = [(b"IHDR", header), *before, *((b"IDAT", part) for part in idat(data)), *after, (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, content) for kind, content in body)


def alpha_ramp(height: int, width: int, top: int) -> Samples:
    """Alpha from 0 to `top`, with every pixel of the first rows clear."""
    ramp: Samples = np.linspace(0, top, height * width).astype(np.int64).reshape(height, width, 1)
    ramp[:3] = 0
    return ramp


def add_png_cases(out: Collection) -> None:
    colour = photo("flower.jpg", 300, 120, 25, 17).astype(np.int64)
    height, width = colour.shape[:2]
    grey = colour[:, :, 1]
    low = (np.arange(width) * 37 + np.arange(height)[:, None] * 101) & 255  # the low byte, which v >> 8 drops
    grey16 = (grey << 8) | low
    colour16 = (colour << 8) | np.stack([low, low[::-1], 255 - low], axis=-1)

    for depth in (1, 2, 4, 8):
        values = grey >> (8 - depth)
        out.add(f"png_grey{depth}.png", png(values, depth, GREY), values * 255 // (2**depth - 1), f"grey, {depth} bit")
    out.add("png_grey16.png", png(grey16, 16, GREY), grey16 >> 8, "grey, 16 bit: v >> 8, neither saturated nor rounded")
    out.add("png_rgb8.png", png(colour, 8, RGB), colour, "RGB, 8 bit")
    out.add("png_rgb16.png", png(colour16, 16, RGB), colour16 >> 8, "RGB, 16 bit: v >> 8")

    for depth, top in ((8, 255), (16, 65535)):
        alpha = alpha_ramp(height, width, top)
        one, three = (grey, colour) if depth == 8 else (grey16, colour16)
        data = png(np.concatenate([one[:, :, None], alpha], axis=2), depth, GREY_ALPHA)
        out.add(f"png_grey{depth}_alpha.png", data, grey, f"grey and alpha, {depth} bit: alpha is dropped")
        data = png(np.concatenate([three, alpha], axis=2), depth, RGBA)
        out.add(f"png_rgba{depth}.png", data, colour, f"RGBA, {depth} bit: alpha is dropped, nothing is blended")

    def trns(values: NDArray[Any]) -> Chunk:
        return b"tRNS", np.atleast_1d(values).astype(">u2").tobytes()

    data = png(grey, 8, GREY, before=(trns(grey[5, 5]),))
    out.add("png_grey8_trns.png", data, grey, "grey with a clear value: ignored")
    data = png(colour, 8, RGB, before=(trns(colour[5, 5]),))
    out.add("png_rgb8_trns.png", data, colour, "RGB with a clear colour: ignored")
    data = png(grey16, 16, GREY, before=(trns(grey16[5, 5]),))
    out.add("png_grey16_trns.png", data, grey16 >> 8, "16-bit grey with a clear value: ignored")

    for depth in (1, 2, 4, 8):
        index = grey >> (8 - min(depth, 6))
        steps = np.arange(index.max() + 1)
        table = np.stack([steps * 211 % 256, 255 - steps * 3, steps * 4 + 1], axis=-1)  # no grey ramp
        plte = (b"PLTE", table.astype(np.uint8).tobytes())
        data = png(index, depth, PALETTE, before=(plte,))
        out.add(f"png_palette{depth}.png", data, table[index], f"palette, {depth} bit")
    clear = (b"tRNS", bytes(i * 5 % 256 for i in range(len(table) - 7)))
    data = png(index, 8, PALETTE, before=(plte, clear))
    out.add("png_palette8_trns.png", data, table[index], "palette with alpha: dropped, the palette's colours stay")

    out.add("png_rgb8_interlaced.png", png(colour, 8, RGB, interlaced=True), colour, "interlaced (Adam7)")
    values = grey >> 6
    out.add("png_grey2_interlaced.png", png(values, 2, GREY, interlaced=True), values * 85, "interlaced, 2-bit grey")
    data = png(grey16, 16, GREY, interlaced=True)
    out.add("png_grey16_interlaced.png", data, grey16 >> 8, "interlaced, 16-bit grey")
    data = png(colour, 8, RGB, idat=lambda d: [d[:100], b"", d[100:101], d[101:]])
    out.add("png_many_idat.png", data, colour, "image data in several chunks, one of them empty")
    data = png(colour, 8, RGB, before=((b"iCCP", b"swapped\0\0" + zlib.compress(swapping_profile(), 9)),))
    out.add("png_icc.png", data, colour, "ICC profile that swaps red and green: ignored")
    gamma = (b"gAMA", struct.pack(">I", 100000))
    out.add("png_gamma.png", png(colour, 8, RGB, before=(gamma,)), colour, "gamma 1.0: ignored")
    data = png(grey16, 16, GREY, before=(gamma,))
    out.add("png_grey16_gamma.png", data, grey16 >> 8, "gamma with 16 bit: ignored")
    out.add("png_trailing_bytes.png", png(colour, 8, RGB) + b"after the end", colour, "bytes after IEND: ignored")

    upright = Image.fromarray(colour.astype(np.uint8))
    for name, value, where in (("png_exif6.png", 6, "before"), ("png_exif5_after_idat.png", 5, "after")):
        stored = stored_for(upright, value)
        chunks: dict[str, Any] = {where: ((b"eXIf", tiff(value, ">")),)}
        note = f"orientation {value} in eXIf, {where} the image data: applied"
        out.add(name, png(stored, 8, RGB, **chunks), colour, note)
    data = png(colour, 8, RGB, before=((b"eXIf", tiff(9, "<")),))
    out.add("png_exif9.png", data, colour, "orientation 9: ignored")
    xmp = b"XML:com.adobe.xmp\0\0\0\0\0" + xmp_packet(6)
    out.add("png_xmp6.png", png(colour, 8, RGB, before=((b"iTXt", xmp),)), colour, "orientation only in XMP: ignored")
    exif = b"Exif\0\0" + tiff(6, "<")
    text = b"Raw profile type exif\0\nexif\n%8d\n%s\n" % (len(exif), exif.hex().encode())
    data = png(colour, 8, RGB, before=((b"tEXt", text), (b"tEXt", b"exif\0" + exif)))
    out.add("png_text_exif6.png", data, colour, "orientation only in text chunks: ignored")

    whole = png(colour, 8, RGB)
    middle = len(whole) // 2
    out.add_bad("png_truncated.png", whole[:middle], "cut in the middle of the image data")
    out.add_bad("png_no_iend.png", whole[:-12], "cut behind the image data")
    out.add_bad("png_header_only.png", whole[:33], "cut behind the header")
    changed = whole[:middle] + bytes([whole[middle] ^ 0x10]) + whole[middle + 1 :]
    out.add_bad("png_bad_crc.png", changed, "one bit of the image data is changed, the CRC tells")
    text = png(colour, 8, RGB, before=((b"tEXt", b"note\0one"),)).replace(b"note\0one", b"note\0two")
    out.add_bad("png_bad_text_crc.png", text, "a text chunk is changed, the CRC tells")
    data = png(colour, 8, RGB, idat=lambda d: [d[:200] + bytes(40) + d[240:]])
    out.add_bad("png_bad_deflate.png", data, "damaged deflate stream, the CRC is right")
    data = png(colour, 8, RGB, idat=lambda d: [zlib.compress(zlib.decompress(d)[: -3 * (3 * width + 1)], 9)])
    out.add_bad("png_missing_rows.png", data, "whole deflate stream, but three rows too few")
    header = struct.pack(">IIBBBBB", 20000, 20000, 1, GREY, 0, 0, 0)
    bomb = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000), 9)) + chunk(b"IEND", b"")
    out.add_bad("png_too_many_pixels.png", whole[:8] + bomb, "the header claims 20000 x 20000")


def swapping_profile() -> bytes:
    """An RGB display profile whose red and green primaries are exchanged."""
    primaries = ((0.385, 0.717, 0.097), (0.436, 0.222, 0.014), (0.143, 0.061, 0.714))
    tags = [(b"desc", b"desc" + bytes(4) + struct.pack(">I", 8) + b"swapped\0" + bytes(78))]
    tags += [(b"cprt", b"text" + bytes(4) + b"none\0\0\0\0"), (b"wtpt", xyz(0.964, 1.0, 0.825))]
    tags += [(name, xyz(*value)) for name, value in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries, strict=True)]
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, 0x0233) + bytes(2)
    tags += [(name, curve) for name in (b"rTRC", b"gTRC", b"bTRC")]
    table, data, offset = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, content in tags:
        content += bytes(-len(content) % 4)
        table += name + struct.pack(">II", offset + len(data), len(content))
        data += content
    body = struct.pack(">I4sI12s12x4s28x", 0, b"none", 0x02100000, b"mntrRGB XYZ ", b"acsp")
    body += struct.pack(">iii", 63190, 65536, 54061) + bytes(48) + table + data
    return struct.pack(">I", len(body)) + body[4:]


def xyz(*value: float) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">iii", *(round(v * 65536) for v in value))


# Exif and XMP


def tiff(orientation: int, order: str) -> bytes:
    """Exif data: a maker's name, then the orientation."""
    start = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, 2)
    maker = struct.pack(order + "HHI4s", 0x010F, 2, 4, b"abc\0")
    return start + maker + struct.pack(order + "HHIHHI", 0x0112, 3, 1, orientation, 0, 0)


def xmp_packet(orientation: int) -> bytes:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="{orientation}"/>'
        "</rdf:RDF></x:xmpmeta>"
    ).encode()


def stored_for(upright: Image.Image, orientation: int) -> Pixels:
    """The pixels that become `upright` when the orientation is applied."""
    turn = ORIENTATIONS.get(orientation)
    return np.asarray(upright if turn is None else upright.transpose(UNDO.get(turn, turn)))


# JPEG


def jpeg(image: Image.Image, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", **({"quality": 90} | options))
    return buffer.getvalue()


def segment(marker: int, payload: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def split_jpeg(data: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """The segments up to the first scan's header, and what follows it without the end marker."""
    segments, at = [], 2
    while True:
        marker, size = struct.unpack_from(">xBH", data, at)
        segments.append((marker, data[at + 4 : at + 2 + size]))
        at += 2 + size
        if marker == 0xDA:
            return segments, data[at:-2]


def with_segment(data: bytes, marker: int, payload: bytes) -> bytes:
    """The file with one more segment, right after the start marker."""
    return data[:2] + segment(marker, payload) + data[2:]


def planes(data: bytes) -> Samples:
    """The decoded pixels as Pillow gives them, without conversion."""
    return np.asarray(Image.open(io.BytesIO(data))).astype(np.int64)


def rgb_from_ycc(y: Samples, cb: Samples, cr: Samples) -> Samples:
    """libjpeg's fixed-point conversion."""
    cb, cr = cb - 128, cr - 128
    red = y + ((91881 * cr + 32768) >> 16)
    green = y + ((-22554 * cb - 46802 * cr + 32768) >> 16)
    blue = y + ((116130 * cb + 32768) >> 16)
    pixels: Samples = np.stack([red, green, blue], axis=-1).clip(0, 255)
    return pixels


def rgb_from_ink(ink: Samples) -> Samples:
    """The contract's formula, from C, M, Y, K as ink."""
    rest = 255 - ink[:, :, 3:]
    product = ink[:, :, :3] * rest + 128
    pixels: Samples = rest - ((product + (product >> 8)) >> 8)
    return pixels


def ink_from_rgb(pixels: Pixels) -> Samples:
    """Some C, M, Y, K that look like the picture, with about half of the grey in K."""
    ink = 255 - pixels.astype(np.int64)
    key = ink.min(axis=2, keepdims=True) // 2
    return np.concatenate([(ink - key) * 255 // (255 - key), key], axis=2)


def jpeg_with_coarse_chroma(picture: Image.Image, rows: int, copies: int = 1) -> tuple[bytes, Samples]:
    """A JPEG whose chroma sample is 4 pixels wide and `rows` high, made of three grey ones as three scans, and its pixels.

    Each scan is there `copies` times.
    """
    width, height = picture.size
    parts = list(picture.convert("YCbCr").split())
    small = (width + 3) // 4, (height + rows - 1) // rows
    parts[1:] = [part.resize(small, Image.Resampling.BOX) for part in parts[1:]]
    files = [jpeg(part, optimize=False) for part in parts]
    tables = b"".join(segment(m, p) for m, p in split_jpeg(files[0])[0] if m in (0xE0, 0xDB, 0xC4))
    frame = struct.pack(">BHHB", 8, height, width, 3) + bytes([1, 0x40 + rows, 0, 2, 0x11, 0, 3, 0x11, 0])
    scans = b"".join(segment(0xDA, bytes([1, i + 1, 0, 0, 63, 0])) + split_jpeg(f)[1] for i, f in enumerate(files))
    y, *chroma = (planes(f) for f in files)
    cb, cr = (part.repeat(4, axis=1).repeat(rows, axis=0)[:height, :width] for part in chroma)
    return b"\xff\xd8" + tables + segment(0xC0, frame) + scans * copies + b"\xff\xd9", rgb_from_ycc(y, cb, cr)


def add_cmyk_cases(out: Collection, pixels: Pixels) -> None:
    ink = ink_from_rgb(pixels)
    data = jpeg(Image.fromarray(ink.astype(np.uint8), "CMYK"))
    out.add("jpeg_cmyk_adobe.jpg", data, rgb_from_ink(planes(data)), "CMYK, Adobe marker: the file holds 255 - ink")

    inverted = jpeg(Image.fromarray((255 - ink).astype(np.uint8), "CMYK"))
    segments, scan = split_jpeg(inverted)
    data = b"\xff\xd8" + b"".join(segment(m, p) for m, p in segments if m != 0xEE) + scan + b"\xff\xd9"
    out.add(
        "jpeg_cmyk.jpg", data, rgb_from_ink(255 - planes(inverted)), "CMYK without an Adobe marker: the file holds ink"
    )

    ycc = np.asarray(Image.fromarray(ink[:, :, :3].astype(np.uint8)).convert("YCbCr")).astype(np.int64)
    stored = np.concatenate([ycc, 255 - ink[:, :, 3:]], axis=2)
    data = jpeg(Image.fromarray((255 - stored).astype(np.uint8), "CMYK"))  # Pillow writes 255 - what it is given
    stored = 255 - planes(data)
    cmy = rgb_from_ycc(stored[:, :, 0], stored[:, :, 1], stored[:, :, 2])
    expected = rgb_from_ink(np.concatenate([cmy, 255 - stored[:, :, 3:]], axis=2))
    transform = data.index(b"Adobe") + 11
    data = data[:transform] + b"\2" + data[transform + 1 :]
    out.add("jpeg_ycck.jpg", data, expected, "YCCK (Adobe transform 2)")


def add_jpeg_cases(out: Collection) -> None:
    pixels = photo("china.jpg", 180, 100, 33, 25)
    picture = Image.fromarray(pixels)
    small = Image.fromarray(pixels[:17])

    def add(name: str, note: str, data: bytes) -> None:
        out.add(name, data, planes(data), note)

    add("jpeg_444.jpg", "4:4:4", jpeg(picture, subsampling="4:4:4"))
    add("jpeg_422.jpg", "4:2:2, fancy upsampling", jpeg(picture, subsampling="4:2:2"))
    add("jpeg_420.jpg", "4:2:0, fancy upsampling", jpeg(picture, subsampling="4:2:0"))
    out.add("jpeg_411.jpg", *jpeg_with_coarse_chroma(picture, 1), "4:1:1, plain upsampling; one scan a component")
    add("jpeg_420_coarse.jpg", "4:2:0, quality 20: values beyond 0...255 are clamped", jpeg(picture, quality=20))
    add("jpeg_progressive.jpg", "progressive, 4:2:0", jpeg(picture, progressive=True))
    add("jpeg_restart.jpg", "restart markers", jpeg(picture, restart_marker_rows=1))
    add("jpeg_grey.jpg", "grey", jpeg(picture.convert("L")))
    add("jpeg_grey_progressive.jpg", "grey, progressive", jpeg(picture.convert("L"), progressive=True))
    add("jpeg_rgb.jpg", "RGB in the file (Adobe transform 0)", jpeg(picture, keep_rgb=True))
    add_cmyk_cases(out, pixels)
    profile = b"ICC_PROFILE\0\1\1" + swapping_profile()
    add("jpeg_icc.jpg", "ICC profile that swaps red and green: ignored", with_segment(jpeg(picture), 0xE2, profile))
    add("jpeg_trailing_bytes.jpg", "bytes after the end marker: ignored", jpeg(picture) + b"after the end" + bytes(99))

    for value in range(1, 9):
        stored = Image.fromarray(stored_for(small, value))
        data = with_segment(jpeg(stored), 0xE1, b"Exif\0\0" + tiff(value, "<>"[value % 2]))
        decoded = Image.open(io.BytesIO(data)).convert("RGB")
        turn = ORIENTATIONS.get(value)
        expected = np.asarray(decoded if turn is None else decoded.transpose(turn))
        out.add(f"jpeg_exif{value}.jpg", data, expected, f"Exif orientation {value}: applied")
    for value in (0, 9, 65535):
        data = with_segment(jpeg(small), 0xE1, b"Exif\0\0" + tiff(value, "<"))
        add(f"jpeg_exif{value}.jpg", f"Exif orientation {value}: ignored", data)
    data = with_segment(jpeg(small), 0xE1, b"Exif\0\0" + tiff(6, "<")[:20])
    out.add("jpeg_exif_cut.jpg", data, planes(jpeg(small)), "Exif data that end before the orientation: ignored")
    data = with_segment(jpeg(small), 0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp_packet(6))
    add("jpeg_xmp6.jpg", "orientation only in XMP: ignored", data)
    data = with_segment(data, 0xE1, b"Exif\0\0" + tiff(1, "<"))
    add("jpeg_exif1_xmp6.jpg", "orientation 1 in Exif and 6 in XMP: Exif counts", data)

    whole, progressive = jpeg(picture), jpeg(picture, progressive=True)
    out.add_bad("jpeg_truncated.jpg", whole[: len(whole) * 3 // 4], "cut in the middle of the scan")
    out.add_bad("jpeg_no_eoi.jpg", whole[:-2], "cut before the end marker")
    out.add_bad("jpeg_header_only.jpg", whole[: whole.index(b"\xff\xda")], "cut before the scan")
    out.add_bad("jpeg_truncated_progressive.jpg", progressive[: len(progressive) * 3 // 4], "cut in a later scan")
    last = progressive.rindex(b"\xff\xda")
    out.add_bad("jpeg_missing_scan.jpg", progressive[:last], "progressive, cut between two scans")
    at = whole.index(b"\xff\xc4") + 5  # the sixteen counts of the first Huffman table
    out.add_bad("jpeg_bad_huffman.jpg", whole[:at] + bytes([255] * 16) + whole[at + 16 :], "impossible Huffman table")
    at = whole.index(b"\xff\xc0") + 5
    bomb = whole[:at] + struct.pack(">HH", 20000, 20000) + whole[at + 4 :]
    out.add_bad("jpeg_too_many_pixels.jpg", bomb, "the header claims 20000 x 20000")


def main() -> None:
    from make_odd_images import add_odd_cases  # they import this file
    from make_scaled_images import add_scaled_jpegs

    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "images"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    out = Collection(folder)
    add_jpeg_cases(out)
    add_png_cases(out)
    add_odd_cases(out)
    add_scaled_jpegs(out)
    out.add_bad("empty.jpg", b"", "no bytes at all")
    out.add_bad("text.png", b"This is no picture.\n", "a text file")
    out.write_index()


if __name__ == "__main__":
    main()
