"""Odd and broken pictures of the image contract, which `make_images.py` writes with the others.

Each has one fault: one that changes no pixel, so that the picture decodes, or one that every reader refuses.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
from make_images import (
    GREY,
    PALETTE,
    RGB,
    Chunk,
    Collection,
    Samples,
    chunk,
    ink_from_rgb,
    jpeg,
    jpeg_with_coarse_chroma,
    photo,
    planes,
    png,
    rgb_from_ink,
    segment,
    split_jpeg,
    stored_for,
    with_segment,
)
from numpy.typing import NDArray
from PIL import Image

RESIZE = 256  # of the package that gets the narrow pictures


def long_tiff(orientation: int) -> bytes:
    """Exif data with the orientation as LONG."""
    return b"MM\0*" + struct.pack(">IHHHII", 8, 1, 0x0112, 4, 1, orientation)


def short_tiff(orientation: int) -> bytes:
    return b"MM\0*" + struct.pack(">IHHHIHH", 8, 1, 0x0112, 3, 1, orientation, 0)


def before(data: bytes, marker: bytes, extra: bytes) -> bytes:
    """The file with extra bytes before a marker."""
    at = data.index(marker)
    return data[:at] + extra + data[at:]


def changed(data: bytes, at: int, value: bytes) -> bytes:
    return data[:at] + value + data[at + len(value) :]


def with_run(data: bytes, value: int, size: int) -> bytes:
    """The file with a run of one byte, from the first quarter of its last scan on."""
    scan = data.rindex(b"\xff\xda")
    return changed(data, scan + (len(data) - scan) // 4, bytes([value]) * size)


def add_harmless_jpegs(out: Collection, picture: Image.Image) -> None:
    whole = jpeg(picture)
    tables = b"\xff\xdb"
    twice = before(before(whole, tables, b"?"), b"\xff\xc4", bytes(9))
    frame, scan, end = whole.index(b"\xff\xc0"), whole.index(b"\xff\xda"), len(whole) - 2

    def add(name: str, note: str, data: bytes, same_as: bytes = whole) -> None:
        out.add(name, data, planes(same_as), note)

    add("jpeg_extra_bytes.jpg", "extra bytes before a marker: left out", before(whole, tables, b"?>\xff\0x"))
    add("jpeg_extra_bytes_twice.jpg", "extra bytes before two markers", twice)
    add("jpeg_extra_bytes_before_end.jpg", "extra bytes before the end marker", whole[:end] + bytes(300) + whole[end:])
    add("jpeg_jfif_2.jpg", "JFIF of the unknown version 2.01", whole.replace(b"JFIF\0\1\1", b"JFIF\0\2\1"))
    plain = [(m, p) for m, p in split_jpeg(whole)[0] if m != 0xE0]
    adobe = segment(0xEE, b"Adobe\0\x64\0\0\0\0\x07")
    data = b"\xff\xd8" + adobe + b"".join(segment(m, p) for m, p in plain) + split_jpeg(whole)[1] + b"\xff\xd9"
    add("jpeg_adobe_7.jpg", "the unknown Adobe transform 7: YCbCr", data)
    add("jpeg_not_sequential.jpg", "a sequential scan that claims to end at 5", changed(whole, scan + 12, b"\5"))
    extended = changed(whole, frame + 1, b"\xc1")
    add("jpeg_extended.jpg", "extended sequential (SOF1)", extended)
    data = with_segment(jpeg(Image.fromarray(stored_for(picture, 6))), 0xE1, b"Exif\0\0" + long_tiff(6))
    turned = Image.fromarray(planes(data).astype(np.uint8)).transpose(Image.Transpose.ROTATE_270)
    out.add("jpeg_exif_long6.jpg", data, np.asarray(turned), "Exif orientation 6 of type LONG: applied")


def add_unusual_jpegs(out: Collection, picture: Image.Image) -> None:
    """Pictures that a decoder can take for others, and the limits of the number of scans and of the sides."""
    out.add("jpeg_410.jpg", *jpeg_with_coarse_chroma(picture, 2), "4:1:0, which TurboJPEG does not know")
    few, most, limit = picture.crop((0, 0, 20, 12)), 33, 100
    out.add("jpeg_99_scans.jpg", *jpeg_with_coarse_chroma(few, 1, most), "three scans, 33 times each")
    data, _ = jpeg_with_coarse_chroma(few, 1, most + 1)
    out.add_bad("jpeg_102_scans.jpg", data, f"more than {limit} scans")
    whole = jpeg(picture)
    out.add_bad("jpeg_long.jpg", changed(whole, whole.index(b"\xff\xc0") + 5, b"\xff\xdd"), "a side of 65,501 pixels")
    twice = with_segment(whole, 0xE1, b"Exif\0\0Exif\0\0" + short_tiff(6))
    out.add("jpeg_exif_prefix_twice.jpg", twice, planes(whole), "Exif data behind two prefixes: ignored")
    ink = jpeg(Image.fromarray(ink_from_rgb(np.asarray(picture)).astype(np.uint8), "CMYK"))
    segments, scan = split_jpeg(ink)
    adobe = segment(0xEE, b"Adobe\0\x64\0\0\0\0\0")
    data = b"\xff\xd8" + b"".join(segment(m, p) for m, p in segments if m != 0xEE) + scan + adobe + b"\xff\xd9"
    out.add(
        "jpeg_cmyk_late_adobe.jpg", data, rgb_from_ink(255 - planes(ink)), "an Adobe marker after the scan: ignored"
    )


def add_damaged_jpegs(out: Collection, picture: Image.Image) -> None:
    whole, restarts = jpeg(picture), jpeg(picture, restart_marker_rows=1)
    progressive = jpeg(picture, progressive=True)
    middle = (whole.index(b"\xff\xda") + len(whole)) // 2
    extra = before(whole, b"\xff\xdb", b"?")
    first_restart = restarts.index(b"\xff\xd0")
    last_scan = progressive.rindex(b"\xff\xda")
    frame = whole.index(b"\xff\xc0")
    interval = segment(0xDD, b"\0\1")
    for name, data, note in (
        ("no_restarts", before(whole, b"\xff\xda", interval), "restart markers are missing, up to the end marker"),
        ("run_in_scan", with_run(whole, 0xAA, 400), "a run of one byte in the scan"),
        ("zero_run_progressive", with_run(progressive, 0, 300), "zeros in a progressive scan"),
        ("extra_bytes_and_run", with_run(extra, 0xAA, 400), "extra bytes before a marker, and a run in the scan"),
        ("end_in_the_middle", whole[:middle] + b"\xff\xd9", "the end marker in the middle of the scan"),
        ("extra_before_restart", before(restarts, b"\xff\xd0", b"abc"), "extra bytes before a restart marker"),
        ("wrong_restart", changed(restarts, first_restart + 1, b"\xd3"), "another restart marker than expected"),
        (
            "extra_between_scans",
            progressive[:last_scan] + b"abc" + progressive[last_scan:],
            "extra bytes between scans",
        ),
        ("lossless", changed(whole, frame + 1, b"\xc3"), "a lossless frame (SOF3)"),
        ("arithmetic", changed(whole, frame + 1, b"\xc9"), "a frame with arithmetic codes (SOF9)"),
        ("12_bits", changed(changed(whole, frame + 1, b"\xc1"), frame + 4, b"\x0c"), "12 bits per sample"),
    ):
        out.add_bad(f"jpeg_{name}.jpg", data, note)


def add_harmless_pngs(out: Collection, colour: Samples) -> None:
    def add(name: str, note: str, *chunks: Chunk, **options: Any) -> None:
        out.add(f"png_{name}.png", png(colour, 8, RGB, before=chunks, **options), colour, note)

    add("text_2mb", "compressed text of 2 MB: ignored", (b"zTXt", b"a\0\0" + zlib.compress(b"a" * 2_000_000, 9)))
    add("text_broken", "text that does not inflate: ignored", (b"zTXt", b"a\0\0nonsense"), (b"iTXt", b"a\0\1"))
    add("short_chrm", "primaries that are too short: ignored", (b"cHRM", bytes(31)))
    add("empty_gama", "an empty gamma: ignored", (b"gAMA", b""))
    add("broken_iccp", "a profile that does not inflate: ignored", (b"iCCP", b"a\0\0nonsense"))
    add("long_trns", "transparency that is too long: ignored", (b"tRNS", bytes(700)))
    add("broken_apng", "an animation without frames: ignored", (b"acTL", bytes(8)))
    add("palette_hint", "a palette in RGB: ignored, whatever its length", (b"PLTE", bytes(7)))
    add(
        "more_data",
        "image data after the rows: ignored",
        idat=lambda d: [zlib.compress(zlib.decompress(d) + bytes(99), 9)],
    )
    add("bytes_after_data", "bytes after the end of the zlib stream: ignored", idat=lambda d: [d, b"more"])
    grey = colour[:, :, 1]
    data = png(grey, 8, GREY, before=((b"PLTE", bytes(3)),))
    out.add("png_grey_palette.png", data, grey, "a palette in a grey picture: ignored")
    index = grey >> 2
    table = np.stack([np.arange(64) * 3, 255 - np.arange(64), np.arange(64) + 9], axis=-1)
    short = table.astype(np.uint8).tobytes()[: 3 * 20]
    table[20:] = 0
    data = png(index, 8, PALETTE, before=((b"PLTE", short),))
    out.add("png_short_palette.png", data, table[index], "colours beyond the palette: black")
    upright = Image.fromarray(colour.astype(np.uint8))
    for name, exif in (("prefix", b"Exif\0\0" + short_tiff(6)), ("long", long_tiff(6))):
        data = png(stored_for(upright, 6), 8, RGB, before=((b"eXIf", exif),))
        out.add(f"png_exif_{name}6.png", data, colour, f"orientation 6 in eXIf ({name}): applied")
    data = png(colour, 8, RGB, before=((b"eXIf", long_tiff(1)), (b"eXIf", short_tiff(6))))
    out.add("png_two_exif.png", data, colour, "two eXIf: the first counts")


def add_broken_pngs(out: Collection, colour: Samples) -> None:
    grey = colour[:, :, 1]
    plte = (b"PLTE", bytes(range(192)))
    whole, start = png(colour, 8, RGB), 33

    def header(at: int, value: int) -> bytes:
        ihdr = changed(whole[16:29], at, bytes([value]))
        return whole[:8] + chunk(b"IHDR", ihdr) + whole[start:]

    def split(data: NDArray[Any]) -> bytes:
        once = png(data, 8, RGB, idat=lambda d: [d[:50], d[50:]])
        return before(once, once[33 + 12 + 50 :][:8], chunk(b"tEXt", b"a\0b"))

    bad_sum = png(colour, 8, RGB, idat=lambda d: [d[:-4] + bytes(4)])
    for name, data, note in (
        ("text_claims_2gb", whole[:start] + struct.pack(">I4s", 0x7FFFFFFE, b"tEXt") + b"x" * 8, "text that claims 2 GB"),
        ("unknown_critical", whole[:start] + chunk(b"CgBI", bytes(4)) + whole[start:], "an unknown critical chunk"),
        ("critical_after_data", whole[:-12] + chunk(b"ABCD", b"") + whole[-12:], "an unknown critical chunk at the end"),
        ("palette_missing", png(grey >> 2, 8, PALETTE), "a palette picture without its palette"),
        ("palette_twice", png(grey >> 2, 8, PALETTE, before=(plte, plte)), "two palettes"),
        ("palette_hint_twice", png(colour, 8, RGB, before=(plte, plte)), "two palettes in RGB"),
        ("palette_after_data", png(grey >> 2, 8, PALETTE, after=(plte,)), "the palette after the image data"),
        ("palette_cut", png(grey >> 2, 8, PALETTE, before=((b"PLTE", bytes(191)),)), "a palette of 191 bytes"),
        ("palette_long", png(grey >> 2, 8, PALETTE, before=((b"PLTE", bytes(771)),)), "a palette of 257 colours"),
        ("compression_1", header(10, 1), "an unknown compression method"),
        ("filter_1", header(11, 1), "an unknown filter method"),
        ("interlace_2", header(12, 2), "an unknown interlace method"),
        ("depth_4", header(8, 4), "RGB with 4 bits"),
        ("bad_adler", bad_sum, "a wrong checksum of the zlib stream"),
        ("no_adler", png(colour, 8, RGB, idat=lambda d: [d[:-4]]), "a zlib stream without its end"),
        ("split_idat", split(colour), "text between two chunks of image data"),
        ("no_idat", whole[:start] + whole[-12:], "no image data"),
        ("two_headers", whole[:start] + whole[8:], "two headers"),
        ("header_second", whole[:8] + chunk(b"tEXt", b"a\0b") + whole[8:], "text before the header"),
        ("odd_type", whole[:start] + chunk(b"te t", b"") + whole[start:], "a chunk whose type is not letters"),
    ):  # fmt: skip
        out.add_bad(f"png_{name}.png", data, note)


def add_narrow_pngs(out: Collection) -> None:
    """The limit of 2^24 pixels after the resize: 256 x 65536 passes."""
    line = np.arange(257)
    passes = png(line[:256, None], 8, GREY)
    out.add("png_narrow.png", passes, line[:256, None], "resized it has 2^24 pixels, the limit", resize=RESIZE)
    out.add_bad(
        "png_too_narrow.png", png(line[:, None] & 255, 8, GREY), "resized it has 256 x 65792 pixels", resize=RESIZE
    )
    out.add_bad(
        "png_too_wide.png", png(line[None, :] & 255, 8, GREY), "resized it has 65792 x 256 pixels", resize=RESIZE
    )


def add_odd_cases(out: Collection) -> None:
    start = len(out.cases)
    picture = Image.fromarray(photo("china.jpg", 180, 100, 66, 50))
    add_harmless_jpegs(out, picture)
    add_unusual_jpegs(out, picture)
    add_damaged_jpegs(out, picture)
    colour = photo("flower.jpg", 300, 120, 25, 17).astype(np.int64)
    add_harmless_pngs(out, colour)
    add_broken_pngs(out, colour)
    out.add_bad("webp.jpg", b"RIFF\x10\0\0\0WEBPVP8 \0\0\0\0", "a WebP without pixels, whatever its name")
    for case in out.cases[start:]:
        case["readers"] = ["python", "cpp"]  # in the app, the platform decides about odd files
    add_narrow_pngs(out)
