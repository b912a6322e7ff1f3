"""The metric, with the conformance cases that C++ and Kotlin run too."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgekit.format.compare import compare_golden, compare_outputs
from edgekit.format.golden import GoldenOutput
from edgekit.format.schema import Tolerance

CONFORMANCE = Path(__file__).parents[1] / "conformance"
CASES = json.loads((CONFORMANCE / "compare.json").read_text())["cases"]


def array(output: dict[str, Any]) -> np.ndarray:
    values = [float(v) if isinstance(v, str) else v for v in output["values"]]
    return np.array(values, dtype=output["dtype"]).reshape(output["shape"])


def golden(output: dict[str, Any]) -> GoldenOutput:
    values = tuple(output["values"])
    indices = None if output["indices"] is None else tuple(output["indices"])
    shape = tuple(output["shape"])
    return GoldenOutput(name=output["name"], dtype=output["dtype"], shape=shape, indices=indices, values=values)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_compare_golden_conformance_case_gives_its_verdict(case: dict[str, Any]) -> None:
    actual = {output["name"]: array(output) for output in case["actual"]}
    results = compare_golden([golden(o) for o in case["expected"]], actual, Tolerance(**case["tolerance"]))
    about = next(result for result in results if result.output == case.get("output", "0"))
    assert about.reason == case["reason"]
    assert about.passed == (case["reason"] is None)
    assert all(result.passed for result in results if result is not about)
    for key in ("norm_error", "max_error"):
        if case.get(key) is None:
            assert key not in case or getattr(about, key) is None
        else:
            assert getattr(about, key) == pytest.approx(case[key], rel=1e-6)
    for key in ("top1", "worst_index"):
        if key in case:
            value = getattr(about, key)
            assert (list(value) if key == "worst_index" else value) == case[key]


def test_compare_outputs_same_arrays_pass() -> None:
    arrays = {"0": np.ones((2, 3), np.float32), "1": np.arange(3)}
    assert all(result.passed for result in compare_outputs(arrays, arrays, Tolerance()))


def test_compare_outputs_one_wrong_name_fails_twice() -> None:
    one = np.ones(2, np.float32)
    results = compare_outputs({"boxes": one}, {"scores": one}, Tolerance())
    assert [(r.output, r.reason) for r in results] == [("boxes", "missing"), ("scores", "unexpected")]
