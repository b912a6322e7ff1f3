"""Boxes that a detector found, and boxes drawn on their picture."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgekit.format.compare import Array
from edgekit.format.font import HEIGHT, WIDTH, glyph
from edgekit.format.mask import Pixels, palette

MIN_SCORE = 0.5  # of the boxes that are shown, unless the user asks for others

_SIDE = 200  # of a picture on which a line is one pixel thick
_CELL = WIDTH + 1  # from one letter to the next
_TAG = HEIGHT + 2  # the height of a line of text with its margin
_BRIGHT = 128_000  # a colour of more light has black letters
_LIGHT = np.array([299, 587, 114])  # of red, green and blue


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """A box in pixels of the picture: left, top, right, bottom. `index` is the class and `label` its name."""

    label: str
    index: int
    score: float
    box: tuple[float, float, float, float]


def detections(found: Mapping[str, Array], least: float, label: Callable[[int], str]) -> tuple[Detection, ...]:
    """The boxes that `predict` gives, as far as they have the least score.

    Raises:
        ValueError: they are not boxes. The message completes "predict gives …".
    """
    given = {name: f"{value.dtype} {list(value.shape)}" for name, value in found.items()}
    count = len(found.get("scores", ()))
    wanted = {"boxes": f"float32 [{count}, 4]", "labels": f"int64 [{count}]", "scores": f"float32 [{count}]"}
    if given != wanted:
        texts = (", ".join(f"{name} {text}" for name, text in each.items()) for each in (given, wanted))
        raise ValueError("{}; expected {}".format(*texts))
    rows = zip(*(found[name].tolist() for name in wanted), strict=True)
    return tuple(
        Detection(label=label(index), index=index, score=score, box=tuple(box))
        for box, index, score in rows
        if score >= least
    )


def draw_boxes(picture: Pixels, found: Sequence[Detection]) -> Pixels:
    """A picture [H, W, 3] with frames, labels and scores. The first box is drawn last, over the others."""
    drawn, colours = picture.copy(), palette()
    unit = max(1, min(drawn.shape[:2]) // _SIDE)
    for each in reversed(found):
        colour = colours[(each.index - 1) % 255 + 1]  # class 0 would be black
        left, top = _frame(drawn, each.box, unit, colour)
        _tag(drawn, f"{each.label} {each.score:.2f}", left, top, unit, colour)
    return drawn


def _frame(drawn: Pixels, box: tuple[float, ...], unit: int, colour: Pixels) -> tuple[int, int]:
    """Draws the pixels that the edges of a box touch, and inwards. Returns the left and top one."""
    (left, right), (top, bottom) = _range(box[0], box[2], drawn.shape[1]), _range(box[1], box[3], drawn.shape[0])
    region = drawn[top:bottom, left:right]
    inside = region[unit:-unit, unit:-unit].copy()
    region[:] = colour
    region[unit:-unit, unit:-unit] = inside
    return left, top


def _range(low: float, high: float, size: int) -> tuple[int, int]:
    """The first pixel and the one after the last, at least one pixel inside the picture."""
    first = min(max(math.floor(low), 0), size - 1)
    return first, min(max(math.ceil(high), first + 1), size)


def _tag(drawn: Pixels, text: str, left: int, top: int, unit: int, colour: Pixels) -> None:
    """Draws a line of text above a place, or below it where there is no room, as far as the picture has it."""
    most = drawn.shape[1] // (_CELL * unit) + 1  # letters that the picture has room for, and one that is cut
    bits = _bits(text[:most]).repeat(unit, axis=0).repeat(unit, axis=1)
    height, width = _TAG * unit, bits.shape[1] + unit
    y, x = (top - height if top >= height else top), max(0, min(left, drawn.shape[1] - width))
    drawn[y : y + height, x : x + width] = colour
    inside = drawn[y + unit : y + unit + bits.shape[0], x + unit : x + unit + bits.shape[1]]
    ink = 0 if int(_LIGHT @ colour) >= _BRIGHT else 255
    inside[bits[: inside.shape[0], : inside.shape[1]]] = ink


def _bits(text: str) -> NDArray[np.bool_]:
    """The pixels of a line of text, [7, 6 * length], with a free column after each letter."""
    rows = np.array([glyph(character) for character in text], dtype=np.uint8)  # [length, 7]
    columns = np.arange(WIDTH, -1, -1, dtype=np.uint8)
    wide: NDArray[np.bool_] = (((rows.astype(np.uint16) << 1)[..., None] >> columns) & 1).astype(np.bool_)
    return wide.transpose(1, 0, 2).reshape(HEIGHT, -1)
