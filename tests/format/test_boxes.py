"""Boxes drawn on pictures: the conformance cases that the runner draws too, and single pixels."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgekit.format.boxes import Detection, detections, draw_boxes
from edgekit.format.font import CHARACTERS, glyph
from edgekit.format.generator import generate
from edgekit.format.golden import GoldenInput
from edgekit.format.mask import palette

CONFORMANCE = Path(__file__).parents[1] / "conformance"
CASES = json.loads((CONFORMANCE / "boxes.json").read_text())["cases"]


def test_conformance_file_is_what_its_script_writes(tmp_path: Path) -> None:
    script = tmp_path / "make_boxes.py"
    script.write_text((CONFORMANCE / "make_boxes.py").read_text())
    subprocess.run([sys.executable, script], check=True)
    assert (CONFORMANCE / "boxes.json").read_text() == (tmp_path / "boxes.json").read_text()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_conformance_boxes_are_drawn(case: dict[str, Any]) -> None:
    picture = generate(GoldenInput(**{**case["picture"], "shape": tuple(case["picture"]["shape"])})).astype(np.uint8)
    before = picture.copy()
    found = [Detection(**{**each, "box": tuple(each["box"])}) for each in case["boxes"]]
    assert hashlib.sha256(draw_boxes(picture, found).tobytes()).hexdigest() == case["sha256"]
    np.testing.assert_array_equal(picture, before)


def test_frame_and_letter_are_where_they_belong() -> None:
    picture = np.full((60, 80, 3), 7, np.uint8)
    drawn = draw_boxes(picture, [Detection(label="T", index=1, score=0.5, box=(10.5, 20.5, 39.5, 49.5))])
    red, paper = (128, 0, 0), (7, 7, 7)
    for place, colour in {(20, 10): red, (49, 39): red, (30, 10): red, (21, 11): paper, (50, 39): paper}.items():
        assert tuple(drawn[place].tolist()) == colour
    tag = drawn[11:20, 10 : 10 + 6 * 6 + 1]
    assert tag[1, 1:6].min() == 255  # the bar of the T, white on red
    assert (tag[2:8, 3] == 255).all()
    assert (tag[2:8, [1, 2, 4, 5]] == red).all()
    assert tuple(drawn[11, 10 + 6 * 6 + 1].tolist()) == paper


def test_each_character_has_a_glyph_of_seven_rows_and_five_columns() -> None:
    glyphs = [glyph(character) for character in CHARACTERS]
    assert len(set(glyphs)) == len(glyphs)
    assert all(len(rows) == 7 and max(rows) < 32 for rows in glyphs)
    assert glyph("a") == glyph("A")
    assert glyph("\u00e9") == glyph("{") == (31,) * 7


def test_long_label_takes_no_more_room_than_the_picture() -> None:
    picture = np.zeros((400, 60, 3), np.uint8)
    found = [Detection(label="x" * 10**7, index=1, score=0.5, box=(0.0, 100.0, 50.0, 300.0))]
    assert draw_boxes(picture, found).shape == picture.shape


def test_detections_of_another_kind_are_refused() -> None:
    boxes, labels, scores = np.zeros((2, 4), np.float32), np.zeros(2, np.int64), np.ones(2, np.float32)
    assert len(detections({"boxes": boxes, "labels": labels, "scores": scores}, 0.5, str)) == 2
    for wrong in (
        {"boxes": boxes, "labels": labels},
        {"boxes": boxes, "labels": labels, "scores": scores[:1]},
        {"boxes": boxes[:, :3], "labels": labels, "scores": scores},
        {"boxes": boxes, "labels": labels.astype(np.int32), "scores": scores},
    ):
        with pytest.raises(ValueError, match="; expected boxes float32"):
            detections(wrong, 0.5, str)


def test_class_zero_is_not_drawn_in_black() -> None:
    drawn = draw_boxes(
        np.zeros((9, 9, 3), np.uint8), [Detection(label="", index=0, score=0.0, box=(8.0, 8.0, 9.0, 9.0))]
    )
    assert tuple(drawn[8, 8].tolist()) == tuple(palette()[255].tolist())
