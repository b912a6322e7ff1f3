"""Descriptions of inputs: `--input` and sample files."""

from pathlib import Path

import numpy as np
import pytest
from torch import nn

from edgekit.errors import UsageError
from edgekit.sources.arguments import arguments_of
from edgekit.sources.inputs import InputSpec, parse_input


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1x3x224x224", ("", "float32", (1, 3, 224, 224), -2.0, 2.0)),
        ("1x3x8x8:float32[0,1]", ("", "float32", (1, 3, 8, 8), 0.0, 1.0)),
        ("ids=1x16:int64[0,1000]", ("ids", "int64", (1, 16), 0, 1000)),
        ("4:int64", ("", "int64", (4,), 0, 1)),
        ("2x2x3:uint8", ("", "uint8", (2, 2, 3), 0, 255)),
        ("scalar:float64", ("", "float64", (), -2.0, 2.0)),
        ("flag=3:bool", ("flag", "bool", (3,), 0, 1)),
        ("5:float32[-0.3,0.3]", ("", "float32", (5,), -308 / 1024, 308 / 1024)),
    ],
)
def test_parse_input_good_text(text: str, expected: tuple[object, ...]) -> None:
    spec = parse_input(text)
    assert (spec.name, spec.dtype, spec.shape, spec.low, spec.high) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "1x",
        "1x3:float16",
        "1x3:int64[0]",
        "1x3:int64[5,1]",
        "1x3:int64[a,b]",
        "1-2=3",
        "1x3:float32[0,1e9]",
        "3:",
        "-1x3",
    ],
)
def test_parse_input_bad_text_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError):
        parse_input(text)


def test_parse_input_sample_file_gives_shape_dtype_and_range(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([[3, 9]], dtype=np.int32))
    spec = parse_input(f"ids={tmp_path / 'a.npy'}")
    assert (spec.name, spec.dtype, spec.shape, spec.low, spec.high) == ("ids", "int32", (1, 2), 3, 9)


@pytest.mark.parametrize("array", [np.zeros(2, np.complex64), np.zeros((0, 2)), np.array([np.nan], np.float32)])
def test_parse_input_unusable_sample_is_a_usage_error(tmp_path: Path, array: np.ndarray) -> None:
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(UsageError):
        parse_input(str(tmp_path / "a.npy"))


def spec(name: str = "") -> InputSpec:
    return InputSpec(name=name, dtype="float32", shape=(1,), low=0.0, high=1.0)


class Optional(nn.Module):
    def forward(self, a: int, b: int, c: int = 0) -> int:
        return a + b + c


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ([spec(), spec()], ["a", "b"]),
        ([spec("b"), spec("a")], ["a", "b"]),
        ([spec("b"), spec()], ["a", "b"]),
        ([spec(), spec(), spec()], ["a", "b", "c"]),
    ],
)
def test_arguments_of_orders_as_the_signature(given: list[InputSpec], names: list[str]) -> None:
    arguments = arguments_of(Optional().forward, given)
    assert [item.name for argument in arguments for item in argument.specs] == names
    assert all(argument.plain for argument in arguments)


@pytest.mark.parametrize(
    "given", [[], [spec()], [spec()] * 4, [spec("a"), spec("d")], [spec("a"), spec("a"), spec("b")]]
)
def test_arguments_of_inputs_that_do_not_fit_are_a_usage_error(given: list[InputSpec]) -> None:
    with pytest.raises(UsageError):
        arguments_of(Optional().forward, given)


class Many(nn.Module):
    def forward(self, a: int, b: int = 0, *, c: int = 0, **more: int) -> int:
        return a + b + c + sum(more.values())


def test_arguments_of_skipped_and_keyword_parameters_are_passed_by_keyword() -> None:
    arguments = arguments_of(Many().forward, [spec("d"), spec("c"), spec("a"), spec("s.1"), spec("s.0")])
    assert [(argument.name, argument.by_position) for argument in arguments] == [
        ("a", True),
        ("c", False),
        ("d", False),
        ("s", False),
    ]
