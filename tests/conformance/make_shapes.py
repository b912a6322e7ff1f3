"""Writes shapes.json: inputs of a method, the sizes of a run, and whether a reader accepts them."""

import json
from pathlib import Path
from typing import Any

Axis = int | None | dict[str, Any]


def sizes(low: int, high: int, **more: Any) -> dict[str, Any]:
    return {"min": low, "max": high, "multiple": 1, "symbol": None} | more


def case(name: str, shapes: list[list[Axis]], given: list[list[int]], accepted: bool) -> dict[str, Any]:
    inputs = [{"name": f"x{i}", "dtype": "float32", "shape": shape} for i, shape in enumerate(shapes)]
    return {"name": name, "inputs": inputs, "shapes": given, "accepted": accepted}


def one(shape: list[Axis], given: list[int], accepted: bool, name: str) -> dict[str, Any]:
    return case(name, [shape], [given], accepted)


BATCH, SIDE = sizes(1, 4, symbol="n"), sizes(32, 512, multiple=32)
PAIR = [[BATCH, 3], [BATCH, 5]]
SQUARE = [[sizes(2, 8, symbol="s"), sizes(2, 8, symbol="s")]]
CASES = [
    one([1, 3], [1, 3], True, "fixed sizes"),
    one([1, 3], [1, 4], False, "another size"),
    one([1, 3], [1, 3, 1], False, "one axis more"),
    one([1, 3], [1], False, "one axis less"),
    one([], [], True, "no axes"),
    one([], [1], False, "an axis where there is none"),
    one([None, 3], [0, 3], True, "any size, 0"),
    one([None, 3], [7, 3], True, "any size, 7"),
    one([None, 3], [7, 4], False, "any size beside another size"),
    one([sizes(2, 8)], [2], True, "the smallest size"),
    one([sizes(2, 8)], [8], True, "the largest size"),
    one([sizes(2, 8)], [5], True, "a size between"),
    one([sizes(2, 8)], [1], False, "below the smallest"),
    one([sizes(2, 8)], [9], False, "above the largest"),
    one([sizes(2, 8)], [0], False, "empty"),
    one([sizes(0, 8)], [0], True, "empty, allowed"),
    one([{"min": 2, "max": 8}], [3], True, "without multiple and symbol"),
    one([SIDE], [32], True, "the smallest multiple"),
    one([SIDE], [512], True, "the largest multiple"),
    one([SIDE], [96], True, "a multiple between"),
    one([SIDE], [33], False, "no multiple"),
    one([SIDE], [544], False, "a multiple above the largest"),
    one([SIDE], [0], False, "0, a multiple of everything, below the smallest"),
    one([sizes(3, 9, multiple=4)], [4], True, "ends that are not multiples, a multiple"),
    one([sizes(3, 9, multiple=4)], [3], False, "ends that are not multiples, the end"),
    one([BATCH, 3, SIDE, SIDE], [2, 3, 64, 96], True, "a picture"),
    one([BATCH, 3, SIDE, SIDE], [2, 3, 65, 96], False, "a picture of another height"),
    one([BATCH, 3, SIDE, SIDE], [2, 3, 96, 65], False, "a picture of another width"),
    one([BATCH, 3, SIDE, SIDE], [5, 3, 64, 96], False, "too many pictures"),
    case("one symbol in two inputs, equal", PAIR, [[2, 3], [2, 5]], True),
    case("one symbol in two inputs, unequal", PAIR, [[2, 3], [3, 5]], False),
    case("one symbol in two inputs, both outside", PAIR, [[9, 3], [9, 5]], False),
    case("one symbol in one input, equal", SQUARE, [[4, 4]], True),
    case("one symbol in one input, unequal", SQUARE, [[4, 5]], False),
    case("two symbols", [[sizes(1, 4, symbol="n")], [sizes(1, 4, symbol="m")]], [[1], [2]], True),
    case("no symbols", [[sizes(1, 4)], [sizes(1, 4)]], [[1], [2]], True),
    case("one symbol, the third differs", [[BATCH], [BATCH], [BATCH]], [[2], [2], [1]], False),
    case("no inputs", [], [], True),
]

if __name__ == "__main__":
    document = {
        "about": "inputs: those of a method in a manifest; shapes: the sizes of the tensors of a run; accepted: whether a "
        "reader runs them",
        "schema_version": "1.0",
        "cases": CASES,
    }
    Path(__file__).with_name("shapes.json").write_text(json.dumps(document, indent=1) + "\n")
