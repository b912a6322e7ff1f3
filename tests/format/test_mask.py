"""Masks as PNG files: their palette, their indices, and the overlay, as Pillow decodes them."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edgekit.format.mask import mask_png, overlay, palette, picture_png

CASES = json.loads((Path(__file__).parents[1] / "conformance" / "masks.json").read_text())["cases"]
MASK = (
    np.arange(7 * 40, dtype=np.int64).astype(np.uint8).reshape(7, 40)
)  # every class, and a width that is not a multiple of 8


def decoded(data: bytes) -> Any:
    return Image.open(io.BytesIO(data))


def test_palette_has_the_colours_of_pascal_voc() -> None:
    colours = palette()
    known = {0: (0, 0, 0), 1: (128, 0, 0), 2: (0, 128, 0), 15: (192, 128, 128), 20: (0, 64, 128), 255: (224, 224, 192)}
    assert {index: tuple(colours[index].tolist()) for index in known} == known
    assert len({tuple(row) for row in colours.tolist()}) == 256


def test_mask_png_keeps_the_classes_as_palette_indices() -> None:
    image = decoded(mask_png(MASK))
    assert image.mode == "P"
    np.testing.assert_array_equal(np.asarray(image), MASK)
    np.testing.assert_array_equal(np.asarray(image.convert("RGB")), palette()[MASK])


def test_overlay_mixes_half_and_half_and_leaves_class_0() -> None:
    picture = np.full((7, 40, 3), 101, np.uint8)
    drawn = overlay(picture, MASK)
    assert drawn[0, 0].tolist() == [101, 101, 101]
    assert drawn[0, 1].tolist() == [114, 50, 50]
    assert drawn[6, 15].tolist() == [(101 + value) // 2 for value in palette()[255].tolist()]


def test_picture_png_keeps_the_pixels() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 3, 3), dtype=np.uint8)
    np.testing.assert_array_equal(np.asarray(decoded(picture_png(pixels))), pixels)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_masks_have_the_colours_of_the_conformance_cases(case: dict[str, Any]) -> None:
    height, width = case["shape"]
    mask = np.array(case["mask"], np.uint8).reshape(height, width)
    picture, colours, drawn = (
        np.array(case[name], np.uint8).reshape(height, width, 3) for name in ("picture", "colours", "overlay")
    )
    np.testing.assert_array_equal(np.asarray(decoded(mask_png(mask)).convert("RGB")), colours)
    np.testing.assert_array_equal(np.asarray(decoded(picture_png(overlay(picture, mask)))), drawn)
