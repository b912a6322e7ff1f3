"""The scale at which a JPEG is decoded, and the limits of its size."""

import time
from pathlib import Path

import numpy as np
import pytest

from edgekit.errors import ImageError
from edgekit.format.decode import decode_bytes, decode_image
from edgekit.format.picture import PictureSizeError, jpeg_scale

IMAGES = Path(__file__).parents[1] / "conformance" / "images"
SIDE = 2**14  # 2^28 pixels
FOUR_GREY_BLOCKS = b"\x28\xa2\x8a"  # in the usual Huffman codes: no difference, end of block


def grey_jpeg(side: int) -> bytes:
    """A grey JPEG whose blocks are all alike."""
    data = bytearray((IMAGES / "jpeg_grey.jpg").read_bytes())
    frame, scan = data.index(b"\xff\xc0") + 5, data.index(b"\xff\xda")
    data[frame : frame + 4] = side.to_bytes(2, "big") * 2
    return bytes(data[: scan + 2 + data[scan + 3]]) + FOUR_GREY_BLOCKS * (side * side // 256) + b"\xff\xd9"


@pytest.mark.parametrize(
    ("width", "height", "resize", "scale"),
    [
        (4000, 3000, 256, 4),
        (3000, 4000, 256, 4),
        (16320, 12240, 256, 8),
        (65500, 1022, 256, 1),
        (65500, 1023, 256, 2),  # its half is 512, because sides are rounded up
        (4000, 3000, 0, 1),
        (4000, 3000, None, 1),
        (4000, 3000, 10**30, 1),
        (0, 0, 256, 1),
    ],
)
def test_jpeg_scale_keeps_the_shorter_side_at_least_twice_the_resize(
    width: int, height: int, resize: int | None, scale: int
) -> None:
    if resize == 10**30:
        with pytest.raises(PictureSizeError, match="which predict resizes to"):
            jpeg_scale(width, height, resize)
    else:
        assert jpeg_scale(width, height, resize) == scale


def test_jpeg_scale_where_every_pixel_is_needed_is_1() -> None:
    assert jpeg_scale(4000, 3000, 256, full=True) == 1


def test_jpeg_scale_more_pixels_than_any_scale_takes_is_refused() -> None:
    with pytest.raises(PictureSizeError, match=r"16385 x 16384 = .* pixels, expected at most 268435456 \(2\^28\)"):
        jpeg_scale(SIDE + 1, SIDE, 256)


def test_decode_jpeg_beyond_the_limit_where_it_is_scaled(tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    path.write_bytes(grey_jpeg(SIDE))
    pixels = decode_image(path, 256)
    assert pixels.shape == (SIDE // 8, SIDE // 8, 3)
    assert (pixels == 128).all()
    for resize, full in ((None, False), (256, True)):
        with pytest.raises(ImageError, match=r"expected at most 134217728 \(2\^27\)"):
            decode_image(path, resize, full=full)


def test_decode_scaled_jpeg_is_near_its_full_size() -> None:
    for scale, resize in ((2, 24), (4, 12), (8, 6)):
        full = decode_image(IMAGES / "jpeg_scaled_444.jpg").astype(np.int64)
        scaled = decode_image(IMAGES / "jpeg_scaled_444.jpg", resize).astype(np.int64)
        rows, columns = (side // scale for side in full.shape[:2])
        blocks = full[: rows * scale, : columns * scale].reshape(rows, scale, columns, scale, 3).mean((1, 3))
        assert np.abs(scaled[:rows, :columns] - blocks).mean() < 1


@pytest.mark.parametrize("run", [b"\xff" * 400_000 + b"\0", b"\xff\0" * 400_000, b"\xff\xd0" * 400_000])
@pytest.mark.parametrize("marker", [b"\xff\xdb", b"\xff\xda"])
def test_decode_long_runs_of_ff_take_linear_time(run: bytes, marker: bytes) -> None:
    whole = (IMAGES / "jpeg_420.jpg").read_bytes()
    at = whole.index(marker) + (14 if marker == b"\xff\xda" else 0)
    start = time.process_time()
    with pytest.raises(ImageError):
        decode_bytes(whole[:at] + run, "runs.jpg")
    assert time.process_time() - start < 5
