"""Nested values, with the conformance cases that C++ and Kotlin run too."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from edgekit.errors import CaptureError
from edgekit.format.axes import MAX_ELEMENTS
from edgekit.nested import named_tensors, structure_of

CASES = json.loads((Path(__file__).parent / "conformance" / "names.json").read_text())["cases"]


def nested(value: dict[str, Any]) -> Any:
    ((kind, content),) = value.items()
    if kind == "tensor":
        return torch.zeros(1)
    if kind == "none":
        return None
    if kind == "dict":
        return {key: nested(item) for key, item in content}
    if kind in ("tuple", "list"):
        return {"tuple": tuple, "list": list}[kind](map(nested, content))
    assert type(content).__name__ == kind  # int, float or bool
    return content


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_named_tensors_conformance_value_gives_its_names(case: dict[str, Any]) -> None:
    value = nested(case["value"])
    if case.get("error"):
        with pytest.raises(CaptureError, match="two outputs have the flattened name"):
            named_tensors(value)
        return
    assert structure_of(value) == case["structure"]
    assert list(named_tensors(value)) == case["names"]


def test_structure_of_other_leaf_is_refused() -> None:
    with pytest.raises(CaptureError, match=r"the output holds a builtins\.str"):
        structure_of((torch.zeros(1), "text"))


def test_named_tensors_more_elements_than_the_format_allows_are_refused() -> None:
    huge = torch.zeros(1).expand(MAX_ELEMENTS + 1)
    with pytest.raises(CaptureError, match=r"output a has shape \[268435457\]; expected at most 268435456 elements"):
        named_tensors({"a": huge})


def test_named_tensors_sparse_tensor_is_refused() -> None:
    with pytest.raises(
        CaptureError, match=r"output 0 is a torch\.sparse_coo tensor of float32; expected a dense tensor"
    ):
        named_tensors(torch.eye(2).to_sparse())
