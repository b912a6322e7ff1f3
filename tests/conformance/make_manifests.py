"""Writes manifests.json: texts of manifests, and whether a reader accepts them."""

import copy
import json
from pathlib import Path
from typing import Any

MOST_ELEMENTS = 2**28


def sizes(low: int, high: int, **more: Any) -> dict[str, Any]:
    return {"min": low, "max": high, "multiple": 1, "symbol": None} | more


def spec(name: str, shape: list[Any], **more: Any) -> dict[str, Any]:
    return {"name": name, "dtype": "float32", "shape": shape, "low": None, "high": None} | more


VALID: dict[str, Any] = {
    "schema_version": "2.0",
    "name": "sample",
    "provenance": {
        "source": "torchvision:sample",
        "pretrained": False,
        "weights": {"kind": "random", "name": None, "seed": 3, "sha256": None},
        "versions": {"edgekit": "0.1.0", "torch": "2.12.1", "torchvision": None},
    },
    "capture": {
        "requested": "auto",
        "mode": "trace",
        "reason": "every probe agrees",
        "scripted": [],
        "mismatch_allowed": False,
        "warnings": [],
        "probes": [],
    },
    "recipe": {"name": "mobile", "passes": []},
    "methods": [
        {
            "name": "forward",
            "structure": "(*, *)",
            "inputs": [
                spec(
                    "x", [sizes(1, 4), 3, sizes(32, 512, multiple=32), sizes(32, 512, multiple=32)], low=-2.0, high=2.0
                ),
                spec("ids", [7], dtype="int64", low=0, high=9),
            ],
            "outputs": [spec("0", [None, 10], proof="varies"), spec("1", [], proof="constant")],
        }
    ],
    "image": {
        "resize": 36,
        "crop": 32,
        "mean": [0.5, 0.5, 0.5],
        "std": [0.25, 0.25, 0.25],
        "interpolation": "bilinear",
        "antialias": True,
        "channels": 3,
    },
    "constants": [],
    "operators": ["aten::add.Tensor"],
    "bytecode_version": 8,
    "runtime": {"pool": "xnnpack", "threads": None},
    "tolerance": {"norm": 1e-05, "max": 1e-05, "absolute": 1e-05, "loosened": False},
    "parity": {"runtime": "lite", "cases": 5, "norm_error": 0.0, "max_error": 0.0},
    "records": {"data.pkl": "00ff"},
    "fits": ["torch-2.12.1"],
}
INPUT = ("methods", 0, "inputs", 0)
OUTPUT = ("methods", 0, "outputs", 0)
Path_ = tuple[str | int, ...]


def parent(document: Any, path: Path_) -> Any:
    for step in path[:-1]:
        document = document[step]
    return document


def with_value(path: Path_, value: Any) -> str:
    """The valid manifest with another value in one place."""
    document = copy.deepcopy(VALID)
    parent(document, path)[path[-1]] = value
    return json.dumps(document)


def without(path: Path_) -> str:
    """The valid manifest without one field."""
    document = copy.deepcopy(VALID)
    del parent(document, path)[path[-1]]
    return json.dumps(document)


def case(name: str, text: str, reason: str | None = None, readers: tuple[str, ...] = ()) -> dict[str, Any]:
    """`reason` None is a manifest that is accepted; `readers` empty is all of them."""
    found = {"name": name, "accepted": reason is None}
    return (
        found
        | ({"reason": reason} if reason else {})
        | ({"readers": list(readers)} if readers else {})
        | {"text": text}
    )


def shown(path: Path_) -> str:
    return ".".join(map(str, path))


UNKNOWN = (
    ("new_field",),
    ("provenance", "new_field"),
    ("provenance", "weights", "new_field"),
    ("methods", 0, "new_field"),
    (*INPUT, "new_field"),
    (*OUTPUT, "new_field"),
    ("image", "new_field"),
    ("runtime", "new_field"),
    ("tolerance", "new_field"),
)
# What every reader needs: the table of docs/format.md.
REQUIRED: tuple[Path_, ...] = (
    ("schema_version",),
    ("name",),
    ("provenance",),
    ("provenance", "weights"),
    ("provenance", "weights", "kind"),
    ("methods",),
    ("methods", 0, "name"),
    ("methods", 0, "structure"),
    ("methods", 0, "inputs"),
    ("methods", 0, "outputs"),
    *((*INPUT, field) for field in ("name", "dtype", "shape")),
    *((*OUTPUT, field) for field in ("name", "dtype", "shape")),
    ("runtime",),
    ("tolerance",),
    ("records",),
)
# What only some readers use. The device needs none of what only Python reads.
REQUIRED_BY: dict[Path_, tuple[str, ...]] = {
    ("provenance", "source"): ("python", "kotlin"),
    ("image", "resize"): ("python", "kotlin"),
    ("runtime", "pool"): ("python",),
    ("provenance", "pretrained"): ("python",),
    ("provenance", "versions"): ("python",),
    ("capture",): ("python",),
    ("recipe",): ("python",),
    ("image",): ("python",),
    ("constants",): ("python",),
    ("operators",): ("python",),
    ("bytecode_version",): ("python",),
    ("parity",): ("python",),
}
OPTIONAL: tuple[Path_, ...] = (
    ("fits",),
    ("runtime", "threads"),
    *(("tolerance", field) for field in ("norm", "max", "absolute", "loosened")),
    ("provenance", "weights", "seed"),
    (*OUTPUT, "low"),
)
VERSIONS_ACCEPTED = ("0.9", "1.0", "1.7", "2.7", "0.0", "1.999999", "000002.000000")
VERSIONS_REFUSED = (
    *(
        "1",
        "2",
        "3.0",
        "10.0",
        "999999.0",
        "1.0.0",
        "",
        ".",
        "1.",
        ".0",
        "v1.0",
        "1.0rc1",
        "1,0",
        "1.x",
        "-1.0",
        "+1.0",
    ),
    *(
        " 1.0",
        "1.0 ",
        "1.0\n",
        "1. 0",
        "1" * 20,
        "1" * 20 + ".0",
        "1." + "1" * 20,
        "1.0000000",
        "0000001.0",
        "\uff11.0",
    ),
)
WRONG_TYPES: tuple[tuple[Path_, Any], ...] = (
    (("name",), 5),
    (("name",), None),
    (("provenance",), []),
    (("provenance", "weights"), "random"),
    (("provenance", "weights", "kind"), 1),
    (("provenance", "weights", "seed"), "three"),
    (("methods",), {}),
    (("methods",), None),
    (("methods", 0), "forward"),
    (("methods", 0, "structure"), ["*"]),
    (("methods", 0, "inputs"), {}),
    (("methods", 0, "inputs", 0), []),
    ((*INPUT, "name"), 0),
    ((*INPUT, "dtype"), 7),
    ((*INPUT, "dtype"), "float16"),
    ((*INPUT, "dtype"), "Float32"),
    ((*INPUT, "shape"), 3),
    ((*INPUT, "shape"), {}),
    ((*INPUT, "shape"), [1.5]),
    ((*INPUT, "shape"), ["1"]),
    ((*INPUT, "shape"), [True]),
    ((*INPUT, "shape"), [[1]]),
    ((*INPUT, "shape"), [{}]),
    ((*INPUT, "shape"), [{"min": 1}]),
    ((*INPUT, "shape"), [{"max": 1}]),
    ((*INPUT, "shape"), [sizes(1, 4) | {"min": "1"}]),
    ((*INPUT, "shape"), [sizes(1, 4) | {"max": None}]),
    ((*INPUT, "shape"), [sizes(1, 4) | {"max": 4.5}]),
    ((*INPUT, "shape"), [sizes(1, 4) | {"multiple": "2"}]),
    ((*INPUT, "shape"), [sizes(1, 4) | {"symbol": 1}]),
    ((*OUTPUT, "proof"), 1),
    ((*OUTPUT, "dtype"), "complex64"),
    (("runtime",), None),
    (("runtime",), "xnnpack"),
    (("runtime", "threads"), "4"),
    (("runtime", "threads"), 1.5),
    (("tolerance",), 1e-5),
    (("tolerance", "norm"), "0.1"),
    (("tolerance", "norm"), True),
    (("tolerance", "absolute"), [1e-5]),
    (("records",), []),
    (("records", "data.pkl"), 5),
    (("records", "data.pkl"), None),
)
WRONG_VALUES: tuple[tuple[Path_, Any], ...] = (
    ((*INPUT, "shape"), [-1, 3]),
    ((*OUTPUT, "shape"), [-(2**40)]),
    ((*INPUT, "shape"), [MOST_ELEMENTS + 1]),
    ((*INPUT, "shape"), [2**14, 2**15]),
    ((*INPUT, "shape"), [2**31, 2**31, 2**31]),
    ((*INPUT, "shape"), [None, MOST_ELEMENTS + 1]),
    ((*INPUT, "shape"), [None, 2**14, None, 2**15]),
    ((*OUTPUT, "shape"), [MOST_ELEMENTS, 2]),
    ((*INPUT, "shape"), [sizes(5, 4)]),
    ((*INPUT, "shape"), [sizes(-1, 4)]),
    ((*INPUT, "shape"), [sizes(1, MOST_ELEMENTS + 1)]),
    ((*INPUT, "shape"), [sizes(1, 4, multiple=0)]),
    ((*INPUT, "shape"), [sizes(1, 4, multiple=-2)]),
    ((*INPUT, "shape"), [sizes(1, 4, symbol="")]),
    ((*INPUT, "shape"), [sizes(1, 4), MOST_ELEMENTS, 2]),
    ((*OUTPUT, "proof"), "proved"),
    (("tolerance", "norm"), -1e-9),
    (("tolerance", "max"), -1),
    (("tolerance", "absolute"), -0.5),
    (("tolerance", "norm"), "nan"),
    (("tolerance", "max"), "inf"),
    (("runtime", "threads"), 0),
    (("runtime", "threads"), -1),
    (("runtime", "threads"), 1025),
)


def valid_cases() -> list[dict[str, Any]]:
    whole = json.dumps(VALID)
    deep: Any = []
    for _ in range(32):
        deep = [deep]
    return [
        case("valid", whole),
        case("valid, with line breaks", json.dumps(VALID, indent=1) + "\n"),
        case("no method", with_value(("methods",), [])),
        case("a method without inputs", with_value(("methods", 0, "inputs"), [])),
        case("no record", with_value(("records",), {})),
        case("no image", with_value(("image",), None)),
        case("no seed", with_value(("provenance", "weights", "seed"), None)),
        case("an input of rank 0", with_value((*INPUT, "shape"), [])),
        case("an axis of size 0", with_value((*OUTPUT, "shape"), [0, 4])),
        case("2^28 elements", with_value((*INPUT, "shape"), [MOST_ELEMENTS])),
        case("2^28 elements beside a free axis", with_value((*INPUT, "shape"), [None, MOST_ELEMENTS])),
        case("one name in the inputs and the outputs", with_value((*INPUT, "name"), "0")),
        case("a tolerance of 0", with_value(("tolerance", "norm"), 0)),
        case("a tolerance above 1", with_value(("tolerance", "norm"), 2.5)),
        case("a structure that depends on the data", with_value(("methods", 0, "structure"), None)),
        case("an unproven output", with_value((*OUTPUT, "proof"), "unproven")),
        case("an output without proof", with_value((*OUTPUT, "proof"), None)),
        case("axes of version 1", with_value((*INPUT, "shape"), [None, 3, None, None])),
        case("a range without multiple and symbol", with_value((*INPUT, "shape"), [{"min": 1, "max": 4}])),
        case("a range of one size", with_value((*INPUT, "shape"), [sizes(4, 4)])),
        case("a range from 0", with_value((*INPUT, "shape"), [sizes(0, MOST_ELEMENTS)])),
        case("a range with a symbol", with_value((*INPUT, "shape"), [sizes(1, 4, symbol="n"), 3])),
        case("a range with an unknown field", with_value((*INPUT, "shape"), [sizes(1, 4, step="odd")])),
        case("an engine for quantized weights", with_value(("runtime", "quantized_engine"), "qnnpack")),
        case("no engine for quantized weights", with_value(("runtime", "quantized_engine"), None)),
        case("the other pool", with_value(("runtime", "pool"), "openmp")),
        case("1 thread", with_value(("runtime", "threads"), 1)),
        case("1024 threads", with_value(("runtime", "threads"), 1024)),
        case("a mask", with_value(("image", "task"), "mask")),
        case("boxes", with_value(("image", "task"), "boxes")),
        case("boxes of a stretched picture", with_value(("image", "keep_ratio"), False)),
        case("a task that no reader knows", with_value(("image", "task"), "depth")),
        case("an escaped name", with_value(("name",), 'caf\u00e9 "\\ \n\U0001f600')),
        case("an unknown field, 32 deep", with_value(("new_field",), deep)),
        *(case(f"an unknown field: {shown(path)}", with_value(path, {"a": [1, "b", None]})) for path in UNKNOWN),
        *(case(f"without the optional {shown(path)}", without(path)) for path in OPTIONAL),
        *(case(f"version {version!r}", with_value(("schema_version",), version)) for version in VERSIONS_ACCEPTED),
    ]


def refused_cases() -> list[dict[str, Any]]:
    whole = json.dumps(VALID)
    first, tolerance = VALID["methods"][0], '"norm": 1e-05'
    twice = [dict(first["inputs"][0]), dict(first["inputs"][0], shape=[1])]
    cases = [case(f"version {v!r}", with_value(("schema_version",), v), "version") for v in VERSIONS_REFUSED]
    cases += [
        case(f"version {v!r}, no text", with_value(("schema_version",), v), "type") for v in (1, 1.0, None, ["1.0"])
    ]
    cases += [case("a newer major version without the fields of this one", '{"schema_version": "3.0"}', "version")]
    cases += [case(f"missing: {shown(path)}", without(path), "missing") for path in REQUIRED]
    cases += [case(f"missing: {shown(path)}", without(path), "missing", who) for path, who in REQUIRED_BY.items()]
    cases += [case(f"{shown(p)} is {json.dumps(v)}", with_value(p, v), "type") for p, v in WRONG_TYPES]
    cases += [case(f"{shown(p)} is {json.dumps(v)}", with_value(p, v), "value") for p, v in WRONG_VALUES]
    return [
        *cases,
        case("an unknown pool", with_value(("runtime", "pool"), "tbb"), "value", ("python", "cpp")),
        case("an unknown engine", with_value(("runtime", "quantized_engine"), "cudnn"), "value", ("python", "cpp")),
        case("an engine that is a number", with_value(("runtime", "quantized_engine"), 3), "type"),
        case("a task that is a number", with_value(("image", "task"), 3), "type"),
        case("a ratio that is a text", with_value(("image", "keep_ratio"), "no"), "type", ("python",)),
        case("an unknown activation", with_value(("image", "activation"), "tanh"), "value", ("python",)),
        case("a bound that is a text", with_value((*INPUT, "low"), "0"), "type", ("python", "cpp")),
        case("two inputs of one name", with_value(("methods", 0, "inputs"), twice), "twice"),
        case("two outputs of one name", with_value(("methods", 0, "outputs"), twice), "twice"),
        case("two methods of one name", with_value(("methods",), [first, first]), "twice"),
        case("a tolerance of NaN", whole.replace(tolerance, '"norm": NaN'), "json"),
        case("a tolerance of Infinity", whole.replace(tolerance, '"norm": Infinity'), "json"),
        case("a tolerance beyond float64", whole.replace(tolerance, '"norm": 1e999'), "value"),
        case("an empty text", "", "json"),
        case("spaces alone", " \n", "json"),
        case("a cut text", whole[: len(whole) // 2], "json"),
        case("without the last brace", whole[:-1], "json"),
        case("something after the end", whole + " x", "json"),
        case("two documents", whole + whole, "json"),
        case("single quotes", whole.replace('"', "'"), "json"),
        case("a comment", whole.replace("{", "{ // sample\n", 1), "json"),
        case("a comma too many", whole[:-1] + ",}", "json"),
        case("a line break in a text", whole.replace("sample", "sam\nple", 1), "json"),
        case("an unknown escape", whole.replace("sample", "sam\\qple", 1), "json"),
        case("a list", "[" + whole + "]", "type"),
        case("a number", "1", "type"),
        case("null", "null", "type"),
    ]


if __name__ == "__main__":
    document = {
        "about": "text: a manifest; accepted: whether a reader takes it; reason: why not, for people; "
        "readers: which of python, cpp and kotlin have to agree (absent: all)",
        "schema_version": "1.0",
        "cases": valid_cases() + refused_cases(),
    }
    Path(__file__).with_name("manifests.json").write_text(json.dumps(document, indent=1) + "\n")
