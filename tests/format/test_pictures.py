"""The limits of the image contract, and pictures that are not JPEG or PNG, or not of the kinds that it names."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pillow_heif import register_heif_opener

from edgekit.errors import ImageError
from edgekit.format.decode import decode_bytes, decode_image
from edgekit.format.picture import MAX_RESIZED_PIXELS, check_size, picture_kind

IMAGES = Path(__file__).parents[1] / "conformance" / "images"


def read_expected(name: str) -> NDArray[np.uint8]:
    with Image.open(IMAGES / name) as image:
        return np.array(image)


def test_decode_narrow_picture_names_both_sizes_and_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "thin.png"
    Image.new("L", (1, 1000)).save(path)
    assert decode_image(path).shape == (1000, 1, 3)
    message = f"thin.png: 1 x 1000 pixels, which predict resizes to 256 x 256000, expected at most {MAX_RESIZED_PIXELS}"
    with pytest.raises(ImageError, match=message):
        decode_image(path, 256)


@pytest.mark.parametrize(
    ("width", "height", "resize"), [(1, 256, 256), (256, 1, 256), (4096, 4096, 4096), (0, 9, 256), (9, 0, 256)]
)
def test_check_size_at_the_limit_passes(width: int, height: int, resize: int) -> None:
    check_size(width, height, resize)


@pytest.mark.parametrize(("width", "height", "resize"), [(1, 257, 256), (257, 1, 256), (1, 1, 4097), (1, 2**27, 1)])
def test_check_size_beyond_the_limit_is_refused(width: int, height: int, resize: int) -> None:
    with pytest.raises(ValueError, match="which predict resizes to"):
        check_size(width, height, resize)


@pytest.mark.parametrize(
    "name",
    [
        "jpeg_lossless.jpg",
        "jpeg_arithmetic.jpg",
        "jpeg_12_bits.jpg",
        "jpeg_102_scans.jpg",
        "png_unknown_critical.png",
    ],
)
def test_decode_unsupported_picture_is_not_called_damaged(name: str) -> None:
    with pytest.raises(ImageError, match="Save the picture again as a usual JPEG or PNG") as caught:
        decode_image(IMAGES / name)
    assert "damaged" not in str(caught.value)


def test_decode_file_beyond_the_limit_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    path.write_bytes(b"\xff\xd8\xff")
    os.truncate(path, 2**30 + 1)
    with pytest.raises(ImageError, match=r"more than 1073741824 bytes \(2\^30\)"):
        decode_image(path)


def test_decode_many_chunks_and_hidden_data_cost_little(tmp_path: Path) -> None:
    """Text that inflates to 1 GB, and image data that go on for 1 GB after the rows."""
    zeros = zlib.compressobj(9)
    bomb = b"".join([zeros.compress(bytes(2**24)) for _ in range(64)]) + zeros.flush()
    whole = (IMAGES / "png_rgb8.png").read_bytes()
    text = b"zTXta\0\0" + bomb
    rows = zlib.decompressobj().decompress(whole[41:])
    data = zlib.compressobj(9)
    long = b"IDAT" + data.compress(rows) + b"".join([data.compress(bytes(2**24)) for _ in range(64)]) + data.flush()
    chunks = [struct.pack(">I", len(it) - 4) + it + struct.pack(">I", zlib.crc32(it)) for it in (text, long)]
    path = tmp_path / "bomb.png"
    path.write_bytes(whole[:33] + b"".join(chunks) + whole[-12:])
    code = (
        "import resource, sys; from edgekit.format.decode import decode_image; import PIL.PngImagePlugin;"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; decode_image(sys.argv[1]);"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 100 * 1024  # kilobytes


@pytest.mark.parametrize("kind", ["WEBP", "AVIF", "HEIF"])
def test_decode_picture_beyond_the_contract_says_so(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    register_heif_opener()
    path = tmp_path / "photo.jpg"
    Image.fromarray(read_expected("jpeg_444.expected.png")).save(path, kind, quality=100)
    pixels = decode_image(path)
    with Image.open(path) as image:
        np.testing.assert_array_equal(pixels, np.array(image.convert("RGB")))
    assert "which is beyond the image contract" in caplog.text
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ImageError, match="damaged or truncated, expected a whole"):
        decode_image(path)


def test_decode_heic_without_its_plugin_names_the_ways_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    path = tmp_path / "IMG_1.jpg"
    path.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    with pytest.raises(
        ImageError, match=r'HEIC, expected JPEG or PNG\. Convert it to JPEG or PNG, or install "edgekit\[heic\]"'
    ):
        decode_image(path)


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", "AVIF"),
        (b"\0\0\0\x18ftypisom\0\0\0\0mp41mp42", None),
        (b"\xff\xff\xff\xffftypisom\0\0\0\0heic", "HEIC"),
        (b"\0\0\0\0ftypheic", None),
        (b"RIFF\0\0\0\0WAVE", None),
        (b"\xff\xd8", "JPEG"),
        (b"", None),
    ],
)
def test_picture_kind_is_that_of_the_first_bytes(start: bytes, kind: str | None) -> None:
    assert picture_kind(start) == kind


def test_decode_side_beyond_the_limit_of_libjpeg_names_it() -> None:
    with pytest.raises(ImageError, match="a JPEG of 66 x 65501 pixels, expected sides of at most 65500"):
        decode_image(IMAGES / "jpeg_long.jpg")


@pytest.mark.parametrize(
    "extra", [b"?", bytes(7), bytes(300), b"\xff\0" * 40, b"\xff\xff\xff\0" * 40, b"a\xff\xff\xff", b"\xd9" * 9]
)
@pytest.mark.parametrize("name", ["jpeg_420", "jpeg_restart", "jpeg_progressive", "jpeg_grey", "jpeg_411"])
def test_decode_any_bytes_before_the_end_marker_are_left_out(name: str, extra: bytes) -> None:
    data = (IMAGES / f"{name}.jpg").read_bytes()
    pixels = decode_bytes(data[:-2] + extra + data[-2:], "camera")
    np.testing.assert_array_equal(pixels, read_expected(f"{name}.expected.png"))


def test_decode_bytes_uses_the_given_name() -> None:
    data = (IMAGES / "jpeg_420.jpg").read_bytes()
    np.testing.assert_array_equal(decode_bytes(data, "camera"), read_expected("jpeg_420.expected.png"))
    with pytest.raises(ImageError, match=r"^camera: damaged"):
        decode_bytes(data[:-9], "camera")
