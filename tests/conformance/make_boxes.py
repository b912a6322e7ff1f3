"""Writes boxes.json: boxes drawn on pictures, with the digest of the pixels."""

import hashlib
import json
from pathlib import Path
from typing import Any

from edgekit.format.boxes import Detection, draw_boxes
from edgekit.format.font import CHARACTERS
from edgekit.format.generator import generate
from edgekit.format.golden import GoldenInput


def box(label: str, index: int, score: float, *edges: float) -> dict[str, Any]:
    return {"label": label, "index": index, "score": score, "box": list(edges)}


CASES: dict[str, tuple[tuple[int, int], list[dict[str, Any]]]] = {
    "no box": ((20, 30), []),
    "a box": ((40, 120), [box("cat", 1, 0.75, 10.5, 15.25, 60.0, 38.0)]),
    "lines of two pixels, and boxes over each other": (
        (401, 450),
        [
            box("traffic light", 10, 0.9140625, 20.0, 50.0, 200.0, 300.0),
            box("dog", 18, 0.5, 100.0, 100.0, 440.5, 390.0),
            box("kite", 38, 0.125, 0.0, 0.0, 450.0, 401.0),
        ],
    ),
    "letters on dark and on light": (
        (90, 400),
        [
            box(CHARACTERS[:25], 0, 1.0, 5.0, 12.0, 300.0, 30.0),
            box(CHARACTERS[25:], 1, 0.0, 5.0, 50.0, 300.0, 88.0),
        ],
    ),
    "small letters and unknown characters": (
        (30, 200),
        [box('aqz "\\{~\u00fc\u65e5\U0001f600', 7, 0.25, 1.0, 12.0, 9.0, 29.0)],
    ),
    "a label that is wider than the picture": ((30, 40), [box("a long label", 5, 0.5, 20.0, 15.0, 39.0, 29.0)]),
    "a label at the right edge": ((40, 120), [box("cat", 3, 0.5, 110.0, 20.0, 120.0, 30.0)]),
    "boxes of a point, of a line and outside": (
        (60, 100),
        [
            box("p", 2, 0.5, 50.0, 30.0, 50.0, 30.0),
            box("l", 3, 0.5, 20.0, 40.0, 90.0, 40.0),
            box("o", 4, 0.5, -50.0, -20.0, 3.0, 5.0),
            box("f", 6, 0.5, 1000.0, 500.0, 2000.0, 600.0),
        ],
    ),
    "classes beyond the palette": (
        (60, 100),
        [
            box("", 255, 0.5, 10.0, 20.0, 40.0, 50.0),
            box("", 256, 0.5, 30.0, 20.0, 60.0, 50.0),
            box("", -3, 0.5, 50.0, 20.0, 80.0, 50.0),
        ],
    ),
    "a picture of one pixel": ((1, 1), [box("x", 1, 0.5, 0.0, 0.0, 1.0, 1.0)]),
    "scores that are rounded": (
        (60, 100),
        [box("", 9, 0.125, 5.0, 15.0, 30.0, 25.0), box("", 9, 0.9990234375, 5.0, 45.0, 30.0, 55.0)],
    ),
}


def case(name: str) -> dict[str, Any]:
    (height, width), boxes = CASES[name]
    given = {"name": "image", "dtype": "uint8", "shape": [height, width, 3], "seed": 7, "low": 0, "high": 255}
    picture = generate(GoldenInput(**{**given, "shape": (height, width, 3)}))  # type: ignore[arg-type]  # JSON
    found = [Detection(**{**each, "box": tuple(each["box"])}) for each in boxes]
    pixels = draw_boxes(picture.astype("uint8"), found)
    return {"name": name, "picture": given, "boxes": boxes, "sha256": hashlib.sha256(pixels.tobytes()).hexdigest()}


if __name__ == "__main__":
    document = {"schema_version": "1.0", "cases": [case(name) for name in CASES]}
    Path(__file__).with_name("boxes.json").write_text(json.dumps(document, indent=1) + "\n")
