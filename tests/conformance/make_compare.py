"""Writes compare.json. The figures are worked out by hand here and not by edgekit's code."""

import json
import math
from pathlib import Path
from typing import Any

DEFAULT = {"norm": 1e-5, "max": 1e-5, "absolute": 1e-5}


def tensor(
    values: list[Any], dtype: str = "float32", shape: list[int] | None = None, name: str = "0"
) -> dict[str, Any]:
    return {"name": name, "dtype": dtype, "shape": [len(values)] if shape is None else shape, "values": values}


def case(name: str, expected: Any, actual: Any, reason: str | None, **more: Any) -> dict[str, Any]:
    expected = expected if isinstance(expected, list) else [expected]
    actual = actual if isinstance(actual, list) else [actual]
    for output in expected:
        output.setdefault("indices", None)
    return {"name": name, "tolerance": DEFAULT, "expected": expected, "actual": actual, "reason": reason} | more


CASES = [
    case("equal", tensor([1, 2, 3]), tensor([1, 2, 3]), None, norm_error=0.0, max_error=0.0, top1=True),
    case(
        "norm is over the whole output",
        tensor([3, 4]),
        tensor([3, 4.5]),
        "norm",
        norm_error=0.1,
        max_error=0.125,
        worst_index=[1],
    ),
    case(
        "within a loose tolerance",
        tensor([3, 4]),
        tensor([3, 4.5]),
        None,
        norm_error=0.1,
        max_error=0.125,
        tolerance={"norm": 0.2, "max": 0.2, "absolute": 1e-5},
    ),
    case(
        "norm passes and max fails",
        tensor([4] * 100),
        tensor([4] * 99 + [5]),
        "max",
        norm_error=0.025,
        max_error=0.25,
        worst_index=[99],
        tolerance={"norm": 0.1, "max": 0.1, "absolute": 1e-5},
    ),
    case(
        "the bound itself passes",
        tensor([1, 0]),
        tensor([1.5, 0]),
        None,
        norm_error=0.5,
        max_error=0.5,
        tolerance={"norm": 0.5, "max": 0.5, "absolute": 1e-5},
    ),
    case(
        "negative reference",
        tensor([-2, 1]),
        tensor([-1, 1]),
        "norm",
        norm_error=1 / math.sqrt(5),
        max_error=0.5,
        top1=True,
    ),
    case(
        "another top 1", tensor([1, 2]), tensor([2, 1]), "norm", norm_error=math.sqrt(2 / 5), max_error=0.5, top1=False
    ),
    case(
        "zero reference within absolute",
        tensor([0, 0]),
        tensor([0, 0.00000762939453125]),
        None,
        norm_error=2.0**-17,
        max_error=2.0**-17,
    ),
    case(
        "zero reference beyond absolute",
        tensor([0, 0]),
        tensor([0, 0.25]),
        "absolute",
        norm_error=0.25,
        max_error=0.25,
        worst_index=[1],
    ),
    case("all zeros", tensor([0, 0]), tensor([0, 0]), None, norm_error=0.0, max_error=0.0),
    case(
        "nan on one side",
        tensor([1, 2]),
        tensor([1, "nan"]),
        "nonfinite",
        norm_error=None,
        max_error=None,
        worst_index=[1],
    ),
    case(
        "nan in the reference alone",
        tensor([1, "nan"]),
        tensor([1, 2]),
        "nonfinite",
        norm_error=None,
        max_error=None,
        worst_index=[1],
    ),
    case("nan on both sides is left out", tensor([1, "nan"]), tensor([1, "nan"]), None, norm_error=0.0, max_error=0.0),
    case(
        "inf of the same sign is left out",
        tensor(["inf", 2, "-inf"]),
        tensor(["inf", 2, "-inf"]),
        None,
        norm_error=0.0,
        max_error=0.0,
    ),
    case(
        "inf of another sign",
        tensor([1, "inf"]),
        tensor([1, "-inf"]),
        "nonfinite",
        norm_error=None,
        max_error=None,
        worst_index=[1],
    ),
    case(
        "inf against nan",
        tensor([1, "inf"]),
        tensor([1, "nan"]),
        "nonfinite",
        norm_error=None,
        max_error=None,
        worst_index=[1],
    ),
    case("nothing finite", tensor(["nan"]), tensor(["nan"]), None, norm_error=0.0, max_error=0.0),
    case(
        "finite error beside a shared nan",
        tensor(["nan", 4]),
        tensor(["nan", 5]),
        "norm",
        norm_error=0.25,
        max_error=0.25,
        worst_index=[1],
    ),
    case("another shape", tensor([1, 2]), tensor([1, 2], shape=[2, 1]), "shape", norm_error=None, max_error=None),
    case("fewer elements", tensor([1, 2]), tensor([1]), "shape", norm_error=None, max_error=None),
    case("another dtype", tensor([1, 2]), tensor([1, 2], dtype="float64"), "dtype", norm_error=None, max_error=None),
    case("missing output", [tensor([1]), tensor([1], name="1")], [tensor([1])], "missing", output="1"),
    case("unexpected output", [tensor([1])], [tensor([1]), tensor([1], name="1")], "unexpected", output="1"),
    case("integers equal", tensor([1, -2], "int64"), tensor([1, -2], "int64"), None, norm_error=0.0, max_error=0.0),
    case(
        "integers off by one",
        tensor([1, 1000000], "int64"),
        tensor([1, 1000001], "int64"),
        "exact",
        norm_error=None,
        max_error=None,
        worst_index=[1],
    ),
    case(
        "integers beyond float64",
        tensor([9007199254740993], "int64"),
        tensor([9007199254740992], "int64"),
        "exact",
        norm_error=None,
        max_error=None,
    ),
    case(
        "booleans differ",
        tensor([1, 0], "bool"),
        tensor([1, 1], "bool"),
        "exact",
        norm_error=None,
        max_error=None,
        worst_index=[1],
    ),
    case("uint8 equal", tensor([0, 255], "uint8"), tensor([0, 255], "uint8"), None, norm_error=0.0, max_error=0.0),
    case("no elements", tensor([], shape=[0, 4]), tensor([], shape=[0, 4]), None, norm_error=0.0, max_error=0.0),
    case("no elements of another shape", tensor([], shape=[0, 4]), tensor([], shape=[4, 0]), "shape"),
    case(
        "a scalar", tensor([2], shape=[]), tensor([3], shape=[]), "norm", norm_error=0.5, max_error=0.5, worst_index=[]
    ),
    case(
        "float64 that would overflow when squared",
        tensor([1e200, 0], "float64"),
        tensor([1.5e200, 0], "float64"),
        "norm",
        norm_error=0.5,
        max_error=0.5,
    ),
    case(
        "two axes",
        tensor([1, 2, 3, 4], shape=[2, 2]),
        tensor([1, 2, 4, 4], shape=[2, 2]),
        "norm",
        max_error=0.25,
        norm_error=1 / math.sqrt(30),
        worst_index=[1, 0],
    ),
    case(
        "sampled, the sample agrees",
        tensor([3, 4], shape=[2, 3]) | {"indices": [1, 5]},
        tensor([9, 3, 9, 9, 9, 4], shape=[2, 3]),
        None,
        norm_error=0.0,
        max_error=0.0,
    ),
    case(
        "sampled, the sample differs",
        tensor([3, 4], shape=[2, 3]) | {"indices": [1, 5]},
        tensor([9, 3, 9, 9, 9, 5], shape=[2, 3]),
        "norm",
        norm_error=0.2,
        max_error=0.25,
        worst_index=[1, 2],
    ),
    case(
        "sampled, another shape",
        tensor([3, 4], shape=[2, 3]) | {"indices": [1, 5]},
        tensor([9, 3, 9, 9, 9, 4], shape=[3, 2]),
        "shape",
    ),
]

if __name__ == "__main__":
    document = {
        "about": "reason null: passes. output names the one that the verdict is about ('0' where absent); "
        "nan, inf and -inf are strings; figures hold to 1e-6 relative; a key that is absent is not checked",
        "schema_version": "1.0",
        "cases": CASES,
    }
    Path(__file__).with_name("compare.json").write_text(json.dumps(document, indent=1) + "\n")
