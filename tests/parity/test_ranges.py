"""Failures narrow the ranges, and a range ends at sizes that agreed."""

import pytest
import torch
from captures import source_of
from torch import nn

from edgekit.errors import ParityError
from edgekit.format.axes import AxisRange
from edgekit.parity.probes import Probe
from edgekit.parity.ranges import SizeRange, axis_ranges, check_requested, inside, narrowed
from edgekit.sources.dynamic import DynamicAxis
from edgekit.sources.source import SourceRequest, from_module

ROWS = SizeRange(axes=((0, 0),), size=10, min=1, max=40)
COLUMNS = SizeRange(axes=((0, 1),), size=8, min=2, max=32, multiple=2)


def probe(rows: int, columns: int = 8) -> Probe:
    sizes = {(0, 0): (rows, 10), (0, 1): (columns, 8)}
    axes = tuple(axis for axis, (size, example) in sizes.items() if size != example)
    return Probe(name=f"{rows}x{columns}", inputs=(torch.zeros(rows, columns),), axes=axes)


def ends(ranges: tuple[SizeRange, ...]) -> list[tuple[int, int]]:
    return [(each.min, each.max) for each in ranges]


def test_ranges_without_failures_stay_as_they_are() -> None:
    good = [probe(1), probe(40), probe(10, 2), probe(10, 32)]
    assert narrowed((ROWS, COLUMNS), good, []) == (ROWS, COLUMNS)


def test_range_ends_at_the_last_good_size_before_a_failure() -> None:
    good = [probe(1), probe(9), probe(11), probe(20), probe(30)]
    assert ends(narrowed((ROWS,), good, [probe(25)])) == [(1, 20)]
    assert ends(narrowed((ROWS,), good, [probe(4), probe(40)])) == [(9, 30)]


def test_range_without_a_good_end_is_narrowed() -> None:
    assert ends(narrowed((ROWS,), [probe(9), probe(20)], [])) == [(9, 20)]


def test_range_of_the_examples_size_alone_is_left_out() -> None:
    assert narrowed((ROWS, COLUMNS), [probe(10, 2)], [probe(11), probe(9)]) == (
        SizeRange(axes=((0, 1),), size=8, min=2, max=8, multiple=2),
    )


def test_failure_of_two_sizes_together_narrows_the_range_that_loses_less() -> None:
    good = [probe(40), probe(30), probe(20), probe(1), probe(10, 32), probe(10, 2), probe(30, 16)]
    found = narrowed((ROWS, COLUMNS), good, [probe(40, 32)])
    assert not inside(found, probe(40, 32))
    assert ends(found) == [(1, 30), (2, 32)]


@pytest.mark.parametrize("outside", [probe(41), probe(10, 3), probe(10, 34)])
def test_inside_refuses_other_sizes(outside: Probe) -> None:
    assert inside((ROWS, COLUMNS), probe(1, 32))
    assert not inside((ROWS, COLUMNS), outside)


def test_inside_refuses_different_sizes_of_equal_axes() -> None:
    both = SizeRange(axes=((0, 0), (0, 1)), size=10, min=1, max=40)
    assert inside((both,), Probe(name="", inputs=(torch.zeros(12, 12),), axes=both.axes))
    assert not inside((both,), Probe(name="", inputs=(torch.zeros(12, 13),), axes=both.axes))


def test_equal_axes_have_symbols() -> None:
    batch = SizeRange(axes=((0, 0), (1, 0)), size=2, min=1, max=8)
    length = SizeRange(axes=((0, 1), (1, 1), (1, 2)), size=5, min=1, max=20)
    found = axis_ranges((batch, length, SizeRange(axes=((0, 2),), size=8, min=8, max=64, multiple=8)))
    assert found[0, 0] == found[1, 0] == AxisRange(min=1, max=8, symbol="batch")
    assert found[0, 1] == found[1, 2] == AxisRange(min=1, max=20, symbol="s0")
    assert found[0, 2] == AxisRange(min=8, max=64, multiple=8)


def test_requested_sizes_that_were_not_proved_are_refused_with_the_failed_size() -> None:
    request = SourceRequest(
        inputs=source_of(nn.Identity, "10x8").inputs, dynamic=[DynamicAxis(name="input", axis=0, min=1, max=40)]
    )
    source = from_module(nn.Identity(), name="identity", source="identity", request=request)
    check_requested(source, (ROWS,), [], "identity refuses")
    with pytest.raises(ParityError, match=r"refuses the size 25 of axis 0 of input \(25x8: too long\).*input:0=1-20"):
        check_requested(
            source,
            narrowed((ROWS,), [probe(1), probe(20)], [probe(25)]),
            [(probe(30), "too long"), (probe(25), "too long")],
            "identity refuses",
        )
