"""Writes goldens.json: texts of golden cases, whether a reader accepts them, and the inputs that it makes of them."""

import base64
import copy
import json
import struct
from pathlib import Path
from typing import Any

DRAWN = {"name": "x", "dtype": "float32", "shape": [2], "seed": 1, "low": -2.0, "high": 2.0}
OUTPUT = {"name": "0", "dtype": "float32", "shape": [3], "indices": None, "values": [1.0, -2.5, 0.0]}
LABELS = {"name": "1", "dtype": "int64", "shape": [3], "indices": [0], "values": [2]}
NOTHING: dict[str, Any] = {"indices": [], "values": []}
VALID: dict[str, Any] = {
    "schema_version": "2.0",
    "cases": [
        {
            "name": "forward: seed 1",
            "method": "forward",
            "inputs": [DRAWN],
            "outputs": [OUTPUT],
            "tolerance": None,
            "structure": None,
            "noise": 3e-7,
        }
    ],
}
CODES = {"float32": "f", "float64": "d", "uint8": "B", "int8": "b", "int32": "i", "int64": "q", "bool": "?"}
SAMPLES: dict[str, list[Any]] = {
    "float32": [1.5, -0.25, "inf", "-inf"],
    "float64": [0.1, -1e300, 5e-324, "inf"],
    "uint8": [0, 255, 7, 128],
    "int8": [-128, 127, 0, -1],
    "int32": [-(2**31), 2**31 - 1, 0, 7],
    "int64": [-(2**63), 2**63 - 1, 2**53 + 1, 0],
    "bool": [1, 0, 0, 1],
}


def packed(dtype: str, values: list[Any]) -> str:
    numbers = [float(v) if isinstance(v, str) else v for v in values]
    return base64.b64encode(struct.pack(f"<{len(numbers)}{CODES[dtype]}", *numbers)).decode()


def stored(dtype: str, shape: list[int], data: str) -> dict[str, Any]:
    return {"name": "x", "dtype": dtype, "shape": shape, "seed": None, "low": None, "high": None, "data": data}


def with_case(**fields: Any) -> str:
    document = copy.deepcopy(VALID)
    document["cases"][0] |= fields
    return json.dumps(document)


def with_input(given: dict[str, Any]) -> str:
    return with_case(inputs=[given])


def accepted(name: str, text: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "accepted": True, "text": text} | more


def refused(name: str, text: str) -> dict[str, Any]:
    return {"name": name, "accepted": False, "text": text}


def sample(dtype: str) -> dict[str, Any]:
    given = stored(dtype, [2, 2], packed(dtype, SAMPLES[dtype]))
    made = {"dtype": dtype, "shape": [2, 2], "values": SAMPLES[dtype]}
    return accepted(f"a stored input of {dtype}", with_input(given), inputs=[made])


def without(field: str) -> dict[str, Any]:
    return {key: value for key, value in DRAWN.items() if key != field}


FOUR = packed("float32", [1, 2, 3, 4])
TWICE = [DRAWN, DRAWN]
CASES = [
    accepted("valid", json.dumps(VALID)),
    accepted("version 1", json.dumps(VALID | {"schema_version": "1.0"})),
    accepted("a newer minor version", json.dumps(VALID | {"schema_version": "2.9"})),
    refused("a newer major version", json.dumps(VALID | {"schema_version": "3.0"})),
    refused("no version", json.dumps({"cases": []})),
    accepted("no cases", json.dumps(VALID | {"cases": []})),
    refused("cases that are not a list", json.dumps(VALID | {"cases": {}})),
    accepted("an unknown field", with_case(new_field=[1])),
    accepted("no inputs", with_case(inputs=[])),
    accepted(
        "without the optional fields",
        json.dumps(VALID).replace(', "tolerance": null, "structure": null, "noise": 3e-07', ""),
    ),
    accepted("a structure", with_case(structure="[*]")),
    refused("a structure that is a list", with_case(structure=["*"])),
    accepted("a bound", with_case(tolerance={"norm": 1e-4, "max": 1e-4, "absolute": 1e-5, "loosened": False})),
    refused("a negative bound", with_case(tolerance={"norm": -1e-4, "max": 1e-4, "absolute": 1e-5, "loosened": False})),
    refused("a name that is a number", with_case(name=1)),
    refused("two inputs of one name", with_case(inputs=TWICE)),
    refused("two outputs of one name", with_case(outputs=[OUTPUT, OUTPUT])),
    refused("a value too many", with_case(outputs=[OUTPUT | {"shape": [2]}])),
    refused("an index beyond the shape", with_case(outputs=[OUTPUT | {"indices": [0, 1, 3]}])),
    refused("an index that is a real number", with_case(outputs=[OUTPUT | {"indices": [0, 1, 1e300]}])),
    refused("an integer output with a half", with_case(outputs=[OUTPUT, LABELS | {"values": [2.5]}])),
    refused("an integer output beyond all integers", with_case(outputs=[OUTPUT, LABELS | {"values": [1e300]}])),
    refused("an integer output with a boolean", with_case(outputs=[OUTPUT, LABELS | {"values": [True]}])),
    accepted("a sampled output", with_case(outputs=[OUTPUT | {"shape": [9], "indices": [0, 4, 8]}])),
    refused("an output of which nothing is listed", with_case(outputs=[OUTPUT | NOTHING])),
    accepted("an empty output", with_case(outputs=[OUTPUT | NOTHING | {"shape": [0, 3], "indices": None}])),
    accepted(
        "indices of predict of which nothing is listed", with_case(method="predict", outputs=[OUTPUT, LABELS | NOTHING])
    ),
    refused(
        "scores of predict of which nothing is listed", with_case(method="predict", outputs=[OUTPUT | NOTHING, LABELS])
    ),
    refused("a second output of which nothing is listed", with_case(outputs=[OUTPUT, LABELS | NOTHING])),
    refused("an unknown dtype", with_input(DRAWN | {"dtype": "float16"})),
    refused("a free axis", with_input(DRAWN | {"shape": [None]})),
    refused("a range for an axis", with_input(DRAWN | {"shape": [{"min": 1, "max": 2}]})),
    refused("an empty range", with_input(DRAWN | {"low": 3.0})),
    refused("a seed beyond 32 bits", with_input(DRAWN | {"seed": 2**32})),
    *(refused(f"a drawn input without {field}", with_input(without(field))) for field in ("seed", "low", "high")),
    *(sample(dtype) for dtype in SAMPLES),
    accepted(
        "a stored input of rank 0",
        with_input(stored("float32", [], packed("float32", [2.5]))),
        inputs=[{"dtype": "float32", "shape": [], "values": [2.5]}],
    ),
    accepted(
        "an empty stored input",
        with_input(stored("int64", [0, 3], "")),
        inputs=[{"dtype": "int64", "shape": [0, 3], "values": []}],
    ),
    accepted(
        "a stored input without the fields of a draw",
        with_input({"name": "x", "dtype": "float32", "shape": [4], "data": FOUR}),
        inputs=[{"dtype": "float32", "shape": [4], "values": [1.0, 2.0, 3.0, 4.0]}],
    ),
    refused("data and a seed", with_input(DRAWN | {"shape": [4], "data": FOUR})),
    refused("data too short", with_input(stored("float32", [5], FOUR))),
    refused("data too long", with_input(stored("float32", [3], FOUR))),
    refused("data that is not base64", with_input(stored("float32", [4], "!" + FOUR[1:]))),
    refused("data with a line break", with_input(stored("float32", [4], FOUR[:4] + "\n" + FOUR[4:]))),
    refused("data without its padding", with_input(stored("uint8", [2], "AQI"))),
    refused("data in the alphabet of addresses", with_input(stored("uint8", [3], "_-_-"))),
    refused("data that is a list", with_input(stored("uint8", [1], "") | {"data": [1]})),
    refused("a boolean of 2", with_input(stored("bool", [1], "Ag=="))),
    refused("neither data nor a draw", with_input({"name": "x", "dtype": "float32", "shape": [4]})),
    refused("a cut text", json.dumps(VALID)[:-5]),
]

if __name__ == "__main__":
    document = {
        "about": "text: the golden cases of a package; accepted: whether a reader takes them; inputs: what it makes of "
        "the inputs of the first case, row by row",
        "schema_version": "1.0",
        "cases": CASES,
    }
    Path(__file__).with_name("goldens.json").write_text(json.dumps(document, indent=1) + "\n")
