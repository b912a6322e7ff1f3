"""edgekit.format.decode follows the image contract of docs/format.md."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import struct
import subprocess
import sys
import threading
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFile

from edgekit.errors import EdgekitError, ImageError
from edgekit.format.decode import decode_image
from edgekit.format.picture import MAX_PIXELS

CONFORMANCE = Path(__file__).parents[1] / "conformance"
IMAGES = CONFORMANCE / "images"
CASES: list[dict[str, Any]] = json.loads((IMAGES / "index.json").read_text(encoding="ascii"))["cases"]
GOOD = [case for case in CASES if not case["error"]]
BAD = [case for case in CASES if case["error"]]


def name_of(case: dict[str, Any]) -> str:
    return f"{case['file']} for {case['resize']}" if "resize" in case else str(case["file"])


def decode_case(folder: Path, case: dict[str, Any]) -> NDArray[np.uint8]:
    return decode_image(folder / case["file"], case.get("resize"), full=case.get("task") == "mask")


def read_expected(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        assert image.mode == "RGB"
        return np.array(image)


def mismatches(folder: Path) -> list[str]:
    """The files of a conformance folder that decode to wrong pixels, or decode although they must fail."""
    wrong = []
    for case in json.loads((folder / "index.json").read_text(encoding="ascii"))["cases"]:
        try:
            pixels = decode_case(folder, case)
            same = not case["error"] and np.array_equal(pixels, read_expected(folder / case["expected"]))
        except ImageError:
            same = case["error"]
        if not same:
            wrong.append(case["file"])
    return wrong


def png_claiming(path: Path, width: int, height: int) -> Path:
    """A 1-bit PNG with the given size in its header, and almost no data."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(9))) + chunk(b"IEND", b""))
    return path


@pytest.mark.parametrize("case", GOOD, ids=name_of)
def test_decode_conformance_file_gives_expected_pixels(case: dict[str, Any]) -> None:
    pixels = decode_case(IMAGES, case)
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous
    assert pixels.flags.writeable
    np.testing.assert_array_equal(pixels, read_expected(IMAGES / case["expected"]))


@pytest.mark.parametrize("case", BAD, ids=name_of)
def test_decode_conformance_failure_raises_image_error(case: dict[str, Any]) -> None:
    with pytest.raises(ImageError, match=case["file"]):
        decode_case(IMAGES, case)


def test_conformance_index_lists_every_file() -> None:
    listed = {case["file"] for case in CASES} | {case["expected"] for case in GOOD} | {"index.json"}
    assert listed == {path.name for path in IMAGES.iterdir()}


def test_conformance_checker_changed_pixel_is_noticed(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    shutil.copytree(IMAGES, folder)
    assert mismatches(folder) == []
    target = folder / "jpeg_420.expected.png"
    pixels = read_expected(target)
    pixels[-1, -1, 2] ^= 1
    Image.fromarray(pixels).save(target)
    shutil.copy(folder / "png_rgb8.png", folder / "png_truncated.png")
    (folder / "png_palette1.png").write_bytes(b"")
    assert mismatches(folder) == ["jpeg_420.jpg", "png_palette1.png", "png_truncated.png"]


def test_conformance_pixels_pillow_shortcuts_would_fail() -> None:
    """The files detect a decoder that does what Pillow does by default."""
    fooled = set()
    for case in GOOD:
        quiet = contextlib.suppress(ValueError, SyntaxError)  # Pillow refuses some
        with quiet, warnings.catch_warnings(action="ignore"), Image.open(IMAGES / case["file"]) as image:
            if np.array_equal(np.array(image.convert("RGB")), read_expected(IMAGES / case["expected"])):
                fooled.add(case["file"])
    rest = {case["file"] for case in GOOD} - fooled
    assert {"png_grey16.png", "jpeg_cmyk.jpg", "png_exif6.png", *(f"jpeg_exif{i}.jpg" for i in range(2, 9))} <= rest


def test_make_images_run_again_gives_same_bytes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(CONFORMANCE / "make_images.py"), str(tmp_path / "again")], check=True)
    again = {path.name: path.read_bytes() for path in (tmp_path / "again").iterdir()}
    other = [path.name for path in IMAGES.iterdir() if again.pop(path.name, None) != path.read_bytes()]
    assert (other, again) == ([], {})


@pytest.mark.parametrize("name", ["china.jpg", "flower.jpg"])
def test_decode_photograph_equals_pillow(name: str) -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    path = Path(datasets.__file__).parent / "images" / name
    with Image.open(path) as image:
        np.testing.assert_array_equal(decode_image(path), np.array(image.convert("RGB")))


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        ("JPEG", "RGB"),
        ("JPEG", "L"),
        ("JPEG", "CMYK"),
        *(("PNG", mode) for mode in ("RGB", "RGBA", "L", "LA", "P", "1")),
    ],
)
def test_decode_saved_photograph_equals_pillow(tmp_path: Path, kind: str, mode: str) -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    path = tmp_path / "photo"
    Image.fromarray(datasets.load_sample_image("flower.jpg")).convert(mode).save(path, kind)
    with Image.open(path) as image:
        np.testing.assert_array_equal(decode_image(path), np.array(image.convert("RGB")))


def test_decode_multi_picture_jpeg_gives_first(tmp_path: Path) -> None:
    first, second = (Image.fromarray(np.full((16, 16, 3), value, np.uint8)) for value in (40, 200))
    first.save(tmp_path / "two.jpg", "MPO", save_all=True, append_images=[second])
    assert (decode_image(tmp_path / "two.jpg") == 40).all()


@pytest.mark.parametrize("name", ["jpeg_444.jpg", "jpeg_progressive.jpg", "png_rgb8.png", "png_grey2_interlaced.png"])
def test_decode_cut_anywhere_raises_image_error(tmp_path: Path, name: str) -> None:
    whole = (IMAGES / name).read_bytes()
    path = tmp_path / name
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(ImageError):
            decode_image(path)


@pytest.mark.parametrize("name", ["png_rgb8.png", "png_palette4.png", "png_exif5_after_idat.png"])
def test_decode_png_any_changed_byte_raises_image_error(tmp_path: Path, name: str) -> None:
    whole = (IMAGES / name).read_bytes()
    path = tmp_path / name
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x41]) + whole[at + 1 :])
        with pytest.raises(ImageError):
            decode_image(path)


@pytest.mark.parametrize("name", ["jpeg_420.jpg", "jpeg_exif6.jpg", "jpeg_ycck.jpg", "jpeg_progressive.jpg"])
def test_decode_jpeg_any_changed_byte_raises_nothing_but_image_error(tmp_path: Path, name: str) -> None:
    whole = (IMAGES / name).read_bytes()
    path = tmp_path / name
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x41]) + whole[at + 1 :])
        try:
            pixels = decode_image(path)
        except ImageError:
            continue
        assert pixels.ndim == 3


def test_decode_truncated_with_lenient_pillow_still_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    with pytest.raises(ImageError):
        decode_image(IMAGES / "jpeg_truncated.jpg")
    assert ImageFile.LOAD_TRUNCATED_IMAGES


def test_decode_many_threads_leave_settings_alone() -> None:
    filters = list(warnings.filters)
    threads = [
        threading.Thread(target=lambda: [decode_image(IMAGES / "jpeg_420.jpg") for _ in range(20)]) for _ in "1234"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert warnings.filters == filters
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


@pytest.mark.parametrize(
    "exif",
    [
        b"",
        b"II*\0",
        b"nonsense" * 9,
        b"II*\0\xff\xff\xff\xff",
        b"MM\0*\0\0\0\x08\xff\xff",
        b"II*\0\x08\0\0\0\1\0\x12\1",
        b"II*\0" + struct.pack("<IHHHII", 8, 1, 0x0112, 9, 1, 6),  # the type is SLONG; SHORT and LONG count
        b"II*\0" + struct.pack("<IHHHII", 8, 1, 0x0112, 4, 1, 6 << 16),
    ],
)
def test_decode_damaged_exif_is_ignored(tmp_path: Path, exif: bytes) -> None:
    whole = (IMAGES / "jpeg_420.jpg").read_bytes()
    data = b"Exif\0\0" + exif
    path = tmp_path / "exif.jpg"
    path.write_bytes(whole[:2] + struct.pack(">HH", 0xFFE1, len(data) + 2) + data + whole[2:])
    np.testing.assert_array_equal(decode_image(path), read_expected(IMAGES / "jpeg_420.expected.png"))


@pytest.mark.parametrize(("width", "height"), [(0, 5), (5, 0)])
def test_decode_png_without_pixels_raises_image_error(tmp_path: Path, width: int, height: int) -> None:
    with pytest.raises(ImageError, match="damaged"):
        decode_image(png_claiming(tmp_path / "none.png", width, height))


@pytest.mark.parametrize(("width", "height"), [(11586, 11586), (2**27 + 1, 1), (2**31 - 1, 2**31 - 1)])
def test_decode_too_many_pixels_raises_before_decoding(tmp_path: Path, width: int, height: int) -> None:
    path = png_claiming(tmp_path / "huge.png", width, height)
    with pytest.raises(
        ImageError, match=f"{width} x {height} = {width * height} pixels, expected at most {MAX_PIXELS}"
    ):
        decode_image(path)


def test_decode_pixels_at_the_limit_pass_it_without_warning(tmp_path: Path) -> None:
    """The size is above the limit at which Pillow warns. Decoding fails only because the data are missing."""
    with pytest.raises(ImageError, match="image data are missing"):
        decode_image(png_claiming(tmp_path / "large.png", 2**14, 2**13))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.png", None, r"missing\.png: no such file, expected a JPEG or PNG\. Check the path\."),
        ("empty.png", b"", r"empty\.png: empty, expected a JPEG or PNG\. Copy or download"),
        ("notes.txt", b"plain text", r"notes\.txt: starts with b'plain te', expected a JPEG or PNG\. Give a picture"),
        ("p.gif", b"GIF89a", r"p\.gif: GIF, expected JPEG or PNG\. Convert it to JPEG or PNG"),
        ("p.jpg", b"II*\0", r"p\.jpg: TIFF, expected JPEG or PNG\. Convert it to JPEG or PNG"),
        (
            "half.jpg",
            b"\xff\xd8\xff\xe0",
            r"half\.jpg: damaged or truncated, expected a whole JPEG \(.+\)\.",
        ),
        ("nul\0.png", None, r"cannot be read \(.*embedded null .*\)\. Check the path"),
    ],
)
def test_decode_bad_file_says_what_and_remedy(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    path = f"{tmp_path}/{name}"
    if content is not None:
        Path(path).write_bytes(content)
    with pytest.raises(ImageError, match=message) as caught:
        decode_image(path)
    assert isinstance(caught.value, EdgekitError)
    assert caught.value.exit_code == 2
    assert str(caught.value).startswith(path)


def test_decode_directory_raises_image_error(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="a directory, expected a JPEG or PNG file"):
        decode_image(tmp_path)


def test_decode_pipe_raises_image_error_without_blocking(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ImageError, match="not a regular file"):
        decode_image(tmp_path / "pipe.png")


def test_decode_pipe_of_the_shell_is_read() -> None:
    code = "import sys; from edgekit.format.decode import decode_image; print(decode_image(sys.argv[1]).shape)"
    picture = str(IMAGES / "jpeg_444.jpg")
    command = ["bash", "-c", '"$0" -c "$1" <(cat "$2")', sys.executable, code, picture]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(decode_image(picture).shape)


def test_decode_import_loads_neither_torch_nor_numpy_nor_pillow() -> None:
    code = "import sys, edgekit.format.decode; print(sorted({'torch', 'numpy', 'PIL'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
