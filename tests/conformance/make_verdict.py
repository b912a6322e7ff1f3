"""Writes verdict.json: answers to golden cases, and the rows of the verify document, worked out by hand."""

import json
import math
from pathlib import Path
from typing import Any

DEFAULT = {"norm": 1e-5, "max": 1e-5, "absolute": 1e-5}
NAME = "forward: seed 1"


def tensor(
    values: list[Any], dtype: str = "float32", shape: list[int] | None = None, name: str = "0"
) -> dict[str, Any]:
    return {"name": name, "dtype": dtype, "shape": [len(values)] if shape is None else shape, "values": values}


def row(reason: str | None, expected: Any, actual: Any, *figures: Any, output: str = "0") -> dict[str, Any]:
    """`figures` are norm_error, max_error, cosine, top1 and worst_index; all null where two tensors cannot be compared."""
    norm, largest, cosine, top1, worst = figures or (None,) * 5
    return {
        "case": NAME,
        "output": output,
        "passed": reason is None,
        "reason": reason,
        "norm_error": norm,
        "max_error": largest,
        "cosine": cosine,
        "top1": top1,
        "worst_index": worst,
        "expected": expected,
        "actual": actual,
    }


def case(name: str, expected: Any, actual: Any, rows: Any, **more: Any) -> dict[str, Any]:
    """`actual` is a text where the runtime fails with that message."""
    expected = expected if isinstance(expected, list) else [expected]
    rows = rows if isinstance(rows, list) else [rows]
    spelled = "*" if len(expected) == 1 else f"({', '.join('*' * len(expected))})"
    answer: dict[str, Any] = {"structure": more.pop("answer_structure", spelled)}
    answer |= {"outputs": actual if isinstance(actual, list) else [actual]}
    if isinstance(actual, str):
        answer = {"error": actual}
    unproven = more.pop("unproven", [])
    passed = all(row["passed"] for row in rows) and not unproven
    named = [f"forward: {output}" for output in unproven]
    return {
        "name": name,
        "case": NAME,
        "structure": more.pop("structure", spelled),
        "case_structure": more.pop("case_structure", None),
        "unproven": unproven,
        "case_tolerance": more.pop("case_tolerance", None),
        "tolerance": more.pop("tolerance", DEFAULT),
        "outputs": [{"indices": None} | output for output in expected],
        "answer": answer,
        "rows": rows,
        "context": {"package": "tiny", "weights": "random", "passed": passed, "unproven": named},
    }


HALF = math.sqrt(0.5)
CASES = [
    case("equal", tensor([3, 4]), tensor([3, 4]), row(None, 3, 3, 0, 0, 1, True, [0])),
    case(
        "a difference within the bounds",
        tensor([3, 4]),
        tensor([3, 4.5]),
        row(None, 4, 4.5, 0.1, 0.125, 27 / (5 * math.sqrt(29.25)), True, [1]),
        tolerance={"norm": 0.2, "max": 0.2, "absolute": 1e-5},
    ),
    case(
        "norm",
        tensor([1, 2, 3, 4], shape=[2, 2]),
        tensor([1, 2, 4, 4], shape=[2, 2]),
        row("norm", 3, 4, 1 / math.sqrt(30), 0.25, 33 / math.sqrt(30 * 37), False, [1, 0]),
    ),
    case(
        "max",
        tensor([4] * 100),
        tensor([4] * 99 + [5]),
        row("max", 4, 5, 0.025, 0.25, 1604 / (40 * math.sqrt(1609)), False, [99]),
        tolerance={"norm": 0.1, "max": 0.1, "absolute": 1e-5},
    ),
    case("absolute", tensor([0, 0]), tensor([0, 0.25]), row("absolute", 0, 0.25, 0.25, 0.25, None, False, [1])),
    case(
        "absolute, both within 1e-6 of zero",
        tensor([0, 2.0**-21]),
        tensor([0, 2.0**-20]),
        row("absolute", 2.0**-21, 2.0**-20, 2.0**-21, 2.0**-21, 1, True, [1]),
        tolerance={"norm": 1e-5, "max": 1e-5, "absolute": 1e-7},
    ),
    case(
        "another largest value",
        tensor([1, 0]),
        tensor([0, 1]),
        row("norm", 1, 0, math.sqrt(2), 1, 0, False, [0]),
    ),
    case(
        "the first of equal differences is the worst",
        tensor([2, 2]),
        tensor([3, 1]),
        row("norm", 2, 3, 0.5, 0.5, 4 * HALF / math.sqrt(10), True, [0]),
    ),
    case(
        "nan on one side", tensor([1, 2]), tensor([1, "nan"]), row("nonfinite", 2, "nan", None, None, None, False, [1])
    ),
    case(
        "inf in the reference alone",
        tensor(["inf", 2]),
        tensor([1, 2]),
        row("nonfinite", "inf", 1, None, None, None, False, [0]),
    ),
    case(
        "infinities of two signs",
        tensor([1, "-inf"], "float64"),
        tensor([1, "inf"], "float64"),
        row("nonfinite", "-inf", "inf", None, None, None, False, [1]),
    ),
    case("nan on both sides", tensor(["nan", 4]), tensor(["nan", 4]), row(None, 4, 4, 0, 0, None, True, [1])),
    case(
        "nothing finite", tensor(["nan", "nan"]), tensor(["nan", "nan"]), row(None, "nan", "nan", 0, 0, None, True, [0])
    ),
    case(
        "no elements", tensor([], shape=[0, 4]), tensor([], shape=[0, 4]), row(None, None, None, 0, 0, None, None, None)
    ),
    case("a scalar", tensor([2], shape=[]), tensor([3], shape=[]), row("norm", 2, 3, 0.5, 0.5, 1, True, [])),
    case("integers", tensor([5, -2], "int64"), tensor([5, -2], "int64"), row(None, 5, 5, 0, 0, 1, True, [0])),
    case(
        "exact",
        tensor([3, 4], "int32"),
        tensor([3, 5], "int32"),
        row("exact", 4, 5, None, None, 29 / (5 * math.sqrt(34)), True, [1]),
    ),
    case(
        "exact, beyond float64",
        tensor([2**53 + 1], "int64"),
        tensor([2**53], "int64"),
        row("exact", 2**53 + 1, 2**53, None, None, 1, True, [0]),
    ),
    case(
        "exact, a boolean",
        tensor([1, 0], "bool"),
        tensor([1, 1], "bool"),
        row("exact", 0, 1, None, None, HALF, True, [1]),
    ),
    case(
        "a sample that differs",
        tensor([3, 4], shape=[2, 3]) | {"indices": [1, 5]},
        tensor([9, 3, 9, 9, 9, 5], shape=[2, 3]),
        row("norm", 4, 5, 0.2, 0.25, 29 / (5 * math.sqrt(34)), True, [1, 2]),
    ),
    case(
        "a sample of integers",
        tensor([7, 8], "int64", [3]) | {"indices": [2, 0]},
        tensor([9, 0, 7], "int64"),
        row("exact", 8, 9, None, None, (49 + 72) / math.sqrt(113 * 130), True, [0]),
    ),
    case("dtype", tensor([1, 2]), tensor([1, 2], "float64"), row("dtype", "float32 [2]", "float64 [2]")),
    case("shape", tensor([1, 2]), tensor([1, 2], shape=[2, 1]), row("shape", "float32 [2]", "float32 [2, 1]")),
    case("shape of a scalar", tensor([1]), tensor([1], shape=[]), row("shape", "float32 [1]", "float32 []")),
    case(
        "shape of a sample",
        tensor([3], shape=[2, 3]) | {"indices": [1]},
        tensor([1, 3], shape=[2]),
        row("shape", "float32 [2, 3]", "float32 [2]"),
    ),
    case("dtype before shape", tensor([1, 2]), tensor([1], "int64"), row("dtype", "float32 [2]", "int64 [1]")),
    case(
        "two outputs, the second differs",
        [tensor([1]), tensor([2], name="1")],
        [tensor([1]), tensor([3], name="1")],
        [row(None, 1, 1, 0, 0, 1, True, [0]), row("norm", 2, 3, 0.5, 0.5, 1, True, [0], output="1")],
    ),
    case(
        "missing",
        [tensor([1]), tensor([1], name="1")],
        [tensor([1])],
        [row(None, 1, 1, 0, 0, 1, True, [0]), row("missing", "float32 [1]", "nothing", output="1")],
    ),
    case(
        "unexpected",
        tensor([1]),
        [tensor([1]), tensor([0], "bool", name="1")],
        [row(None, 1, 1, 0, 0, 1, True, [0]), row("unexpected", "no such output", "bool [1]", output="1")],
    ),
    case(
        "structure",
        [tensor([1]), tensor([1], name="1")],
        [tensor([1]), tensor([1], name="1")],
        row("structure", "(*, *)", "[*, *]", output="*"),
        answer_structure="[*, *]",
    ),
    case(
        "the structure of the case replaces the method's",
        [tensor([1]), tensor([1], name="1")],
        [tensor([1]), tensor([1], name="1")],
        [row(None, 1, 1, 0, 0, 1, True, [0]), row(None, 1, 1, 0, 0, 1, True, [0], output="1")],
        structure="[*, *, *]",
        case_structure="[*, *]",
        answer_structure="[*, *]",
    ),
    case(
        "the structure depends on the data, and the answer has another one than the case",
        tensor([1]),
        [tensor([1]), tensor([1], name="1")],
        row("structure", "[*]", "[*, *]", output="*"),
        structure=None,
        case_structure="[*]",
        answer_structure="[*, *]",
    ),
    case(
        "the structure depends on the data, and the case has none",
        tensor([1]),
        tensor([1]),
        row(None, 1, 1, 0, 0, 1, True, [0]),
        structure=None,
    ),
    case("unproven", tensor([1]), tensor([1]), row(None, 1, 1, 0, 0, 1, True, [0]), unproven=["0"]),
    case("unproven and wrong", tensor([1]), tensor([2]), row("norm", 1, 2, 1, 1, 1, True, [0]), unproven=["0"]),
    case(
        "an integer that float32 cannot decide is left out",
        tensor([3, 4], "int64", [3]) | {"indices": [0, 2]},
        tensor([3, 5, 4], "int64"),
        row(None, 3, 3, 0, 0, 1, True, [0]),
    ),
    case(
        "an integer that is not left out",
        tensor([7, 8], "int64", [3]) | {"indices": [0, 2]},
        tensor([7, 5, 9], "int64"),
        row("exact", 8, 9, None, None, (49 + 72) / math.sqrt(113 * 130), True, [2]),
    ),
    case(
        "a bound of the case",
        tensor([1]),
        tensor([1.5], "float32"),
        row(None, 1, 1.5, 0.5, 0.5, 1, True, [0]),
        case_tolerance=DEFAULT | {"norm": 0.6, "max": 0.6, "loosened": True},
    ),
    case(
        "error",
        tensor([1]),
        "the runtime ran out of memory",
        row("error", "outputs", "the runtime ran out of memory", output="*"),
    ),
]

if __name__ == "__main__":
    document = {
        "about": "a golden case and a runtime's answer in, the rows of the verify document out; structure and tolerance are "
        "those of the method and the package, case_structure and case_tolerance those of the case, unproven are the outputs "
        "of forward that the manifest calls so; a row has these keys and no other (Python's has runtime too); a number that is "
        "not an integer holds to 1e-6 relative, the rest exactly; context: fields that every tool writes when a package named "
        "tiny, with random weights, has this golden case alone",
        "schema_version": "1.0",
        "cases": CASES,
    }
    Path(__file__).with_name("verdict.json").write_text(json.dumps(document, indent=1) + "\n")
