"""Writes masks.json: masks, the colours of their classes, and the masks over pictures, by the rules of docs/format.md."""

import json
import random
from pathlib import Path


def colour(index: int) -> list[int]:
    """As the development kit of PASCAL VOC makes it: three bits of the class at a time, from the highest bit of a colour down."""
    levels = [0, 0, 0]
    for place in range(7, -1, -1):
        for channel in range(3):
            levels[channel] |= ((index >> channel) & 1) << place
        index >>= 3
    return levels


def case(name: str, shape: tuple[int, int], mask: list[int], picture: list[int]) -> dict[str, object]:
    """Flat lists, one row after the other."""
    colours = [level for index in mask for level in colour(index)]
    drawn = [level if mask[at // 3] == 0 else (level + colours[at]) // 2 for at, level in enumerate(picture)]
    assert len(mask) == shape[0] * shape[1] == len(picture) // 3
    return {"name": name, "shape": shape, "mask": mask, "colours": colours, "picture": picture, "overlay": drawn}


def at_random(name: str, height: int, width: int, classes: int) -> dict[str, object]:
    draw = random.Random(name)
    mask = [draw.randrange(classes) for _ in range(height * width)]
    return case(name, (height, width), mask, [draw.randrange(256) for _ in range(3 * height * width)])


CASES = [
    case("every class on black", (16, 16), list(range(256)), [0] * 768),
    case("every class on white", (8, 32), list(range(256)), [255] * 768),
    case("every class in another order", (32, 8), list(range(255, -1, -1)), [at % 256 for at in range(768)]),
    case("sums that are odd", (1, 4), [1, 2, 4, 7], [101, 102, 103] * 4),
    case("class 0 leaves a pixel as it is", (2, 2), [0, 0, 0, 0], [1, 2, 3, 255, 254, 253, 0, 0, 0, 101, 1, 7]),
    case("one pixel", (1, 1), [20], [200, 100, 50]),
    at_random("two classes", 7, 5, 2),
    at_random("a row", 1, 33, 21),
    at_random("a column", 33, 1, 21),
    at_random("a width that is not a multiple of 8", 9, 13, 256),
]

if __name__ == "__main__":
    about = "mask: the classes of the pixels; colours: theirs; overlay: the mask over picture; all are flat"
    lines = ",\n".join(json.dumps(each, separators=(",", ":")) for each in CASES)
    head = json.dumps({"about": about, "schema_version": "1.0"})[:-1]
    Path(__file__).with_name("masks.json").write_text(f'{head}, "cases": [\n{lines}\n]}}\n')
