"""`--dynamic`: the sizes that the user asks for."""

from typing import Any

import pytest

from edgekit.errors import UsageError
from edgekit.format.axes import AxisRange
from edgekit.sources.dynamic import as_dynamic, requested_sizes
from edgekit.sources.inputs import parse_input

IMAGE = [parse_input("x=1x3x64x96")]
TWO = [parse_input("x=1x16"), parse_input("state.0=2x16")]


@pytest.mark.parametrize(
    "given",
    [
        "x:2=1-320,x:3=32-320/32",
        "2=1-320, 3=32..320/32",
        ["x:2=1-320", "x:-1=32-320/32"],
        {"x": {2: (1, 320), 3: [32, 320, 32]}},
    ],
)
def test_dynamic_texts_and_dicts_say_the_same(given: Any) -> None:
    assert requested_sizes(as_dynamic(given), IMAGE) == {
        (0, 2): AxisRange(min=1, max=320),
        (0, 3): AxisRange(min=32, max=320, multiple=32),
    }


def test_dynamic_axes_of_nested_inputs_have_their_names() -> None:
    assert requested_sizes(as_dynamic("state.0:0=1-8"), TWO) == {(1, 0): AxisRange(min=1, max=8)}


def test_dynamic_nothing_is_nothing() -> None:
    assert requested_sizes(as_dynamic(None), IMAGE) == {}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("x", "is malformed"),
        ("x:2=1", "is malformed"),
        ("x:2=1-", "is malformed"),
        ("x:2=-1-4", "is malformed"),
        ("x:2=1-320,,x:3=1-320", "is malformed"),
        ("y:2=1-320", "there is no input 'y'; give the name of an input (x)"),
        ("x:4=1-320", "x has the axes 0 to 3"),
        ("x:-5=1-320", "x has the axes 0 to 3"),
        ("x:2=0-320", "expected 1 <= MIN <= MAX"),
        ("x:2=320-1", "expected 1 <= MIN <= MAX"),
        ("x:2=1-9999999999", "expected 1 <= MIN <= MAX"),
        ("x:2=64-320/0", "a MULTIPLE of at least 1"),
        ("x:2=1-320/32", "are not multiples of 32"),
        ("x:2=65-320", "the size of the example is 64"),
        ("x:2=48-336/48", "the size of the example is 64"),
        ("x:2=1-320,x:-2=1-320", "axis 2 of x is given twice"),
        ({"x": {2: 320}}, "expected AXIS: (MIN, MAX)"),
        ({"x": {2: (1, 2.5)}}, "expected AXIS: (MIN, MAX)"),
        ({"x": {"2": (1, 320)}}, "expected AXIS: (MIN, MAX)"),
        ({"x": (1, 320)}, "expected a dict such as"),
    ],
)
def test_dynamic_mistakes_are_refused(given: Any, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        requested_sizes(as_dynamic(given), IMAGE)
    assert message in str(caught.value)


def test_dynamic_axis_without_a_name_needs_a_lone_input() -> None:
    with pytest.raises(UsageError, match="there are 2 inputs; give the name of an input"):
        requested_sizes(as_dynamic("1=1-320"), TWO)
