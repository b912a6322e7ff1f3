"""A size is free only if every way of using it was proved; other sizes are refused."""

import math
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import models
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from captures import captured, free_axes
from torch import nn

import edgekit
from edgekit.errors import DeviceError, UsageError
from edgekit.format.archive import Archive
from edgekit.format.axes import AxisRange
from edgekit.format.golden import GoldenCase
from edgekit.runtimes.lite import LiteModule

MANY = 30


class SamePadding(nn.Module):
    """Pads by Python numbers that depend on the size, as models converted from TensorFlow do."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, stride=2, bias=False)
        self.norm = nn.BatchNorm2d(8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h, w = x.shape[2:]
        rows, columns = max(3 - (h % 2 or 2), 0), max(3 - (w % 2 or 2), 0)
        x = F.pad(x, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2))
        return self.norm(self.conv(x)).mean((2, 3))


class Tokens(nn.Module):
    """Token ids to vectors. The variable arguments keep the compiler from scripting the subclasses."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(10, 8)


class Window(Tokens):
    """Uses the last 32 tokens."""

    def forward(self, ids: torch.Tensor, *_: torch.Tensor) -> torch.Tensor:
        y = self.table(ids)
        if ids.shape[1] > 32:
            y = y[:, -32:]
        return y.sum(1)


class FarWindow(Tokens):
    """Its limit lies beyond the sizes that are tried."""

    def forward(self, ids: torch.Tensor, *_: torch.Tensor) -> torch.Tensor:
        y = self.table(ids)
        return y[:, -500:].sum(1) if ids.shape[1] > 500 else y.sum(1)


class Positions(Tokens):
    """Adds the first rows of a table of 24 positions."""

    def __init__(self) -> None:
        super().__init__()
        self.positions = nn.Parameter(torch.randn(24, 8))

    def forward(self, ids: torch.Tensor, *_: torch.Tensor) -> torch.Tensor:
        return (self.table(ids) + self.positions[: ids.shape[1]]).sum(1)


class SumOfParts(Tokens):
    """A loop over the length, with a Python number."""

    def forward(self, ids: torch.Tensor, *_: torch.Tensor) -> torch.Tensor:
        y = self.table(ids)
        total = y[:, 0]
        for i in range(1, ids.shape[1]):
            total = torch.tanh(total + y[:, i])
        return total


class LengthChecked(Tokens):
    """Takes only even lengths."""

    def forward(self, ids: torch.Tensor, *_: torch.Tensor) -> torch.Tensor:
        assert ids.shape[1] % 2 == 0, "even lengths only"
        return self.table(ids).sum(1)


class PoolAll(nn.Module):
    """Pools with a kernel of the size of the picture, and crops to an even size first."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3)

    def forward(self, x: torch.Tensor, *_: torch.Tensor) -> torch.Tensor:
        y = self.conv(x)
        y = y[:, :, : int(y.shape[2]) // 2 * 2, : int(y.shape[3]) // 2 * 2]
        return F.avg_pool2d(y, (y.shape[2], y.shape[3])).flatten(1)


class Reshaped(nn.Module):
    """Splits the width in two parts by a reshape, with a Python number for the height."""

    def forward(self, x: torch.Tensor, *_: torch.Tensor) -> torch.Tensor:
        n, c, h, w = x.shape
        return x.reshape(n, c, int(h), 2, w // 2).amax((2, 3))


class OddRows(nn.Module):
    """Keeps every second row, from the first or the second, whichever reaches the last row."""

    def forward(self, x: torch.Tensor, *_: torch.Tensor) -> torch.Tensor:
        return x[:, :, (x.shape[2] + 1) % 2 :: 2].sum((2, 3)) if x.shape[2] % 4 else x.amax((2, 3))


class EqualByChance(nn.Module):
    """Takes another way for square pictures. The other way gives the same answer for some pictures only."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3)

    def forward(self, x: torch.Tensor, *_: torch.Tensor) -> torch.Tensor:
        y = self.conv(x)
        if y.shape[2] == y.shape[3]:
            return y.diagonal(0, 2, 3).mean(2)
        return y.mean((2, 3))


class SameSizes(nn.Module):
    """Compares sizes that are always equal, and asks whether there is one row. Both are right in a trace."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 8)

    def forward(self, x: torch.Tensor, *_: torch.Tensor) -> torch.Tensor:
        y = self.linear(x)
        if y.size() != x.size() or x.shape[0] < 1:
            raise ValueError(f"expected {x.shape}")
        return y.softmax(-1) if x.shape[1] > 1 else torch.exp(y) / torch.exp(y).sum(-1, keepdim=True)


CASES: list[tuple[Callable[[], nn.Module], str]] = [
    (SamePadding, "1x3x64x64"),
    (SamePadding, "2x3x33x48"),
    (Window, "1x16:int64[0,9]"),
    (FarWindow, "1x16:int64[0,9]"),
    (Positions, "1x12:int64[0,9]"),
    (SumOfParts, "2x6:int64[0,9]"),
    (LengthChecked, "1x8:int64[0,9]"),
    (LengthChecked, "1x64:int64[0,9]"),
    (PoolAll, "1x3x20x24"),
    (Reshaped, "1x3x20x24"),
    (OddRows, "1x3x20x24"),
    (EqualByChance, "1x3x24x24"),
    (EqualByChance, "2x3x20x24"),
    (models.FixedSize, "3x4"),
    (models.VariableLoop, "5x8"),
    (models.conv_net, "1x3x40x40"),
    (SameSizes, "2x5x8"),
]


@pytest.mark.parametrize(("factory", "given"), CASES)
def test_random_sizes_of_an_exported_model_are_right_or_refused(
    factory: Callable[[], nn.Module], given: str, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    model = models.perturb_batchnorm(factory()).eval()
    report = edgekit.export(model, given, output=tmp_path / "m.ptl", server=False)
    spec = report.manifest.methods[0].inputs[0]
    loaded = edgekit.load(report.package)
    example = tuple(int(size) for size in given.partition(":")[0].split("x"))
    draw = random.Random(0)
    for shape in [tuple(_size(draw, size) for size in example) for _ in range(MANY)]:
        array = _array(shape, spec.dtype)
        expected = _eager(model, array)
        if not spec.accepts(shape):
            with pytest.raises(UsageError, match="expected"):
                loaded.run(array)
        elif expected is None:
            with pytest.raises((UsageError, DeviceError)):
                loaded.run(array)
        else:
            assert np.abs(loaded.run(array)["0"] - expected).max() <= 1e-5 * max(1.0, np.abs(expected).max()), shape


def golden_of(package: Path) -> tuple[GoldenCase, ...]:
    with Archive(package) as archive:
        assert archive.golden is not None
        return archive.golden.cases


def _size(draw: random.Random, size: int) -> int:
    """The size itself, a size near it, or one up to many times it; often the size, so that some shapes have one new size."""
    return draw.choice([size, size, max(1, size + draw.randint(-3, 3)), draw.randint(1, 6 * size)])


def _array(shape: Sequence[int], dtype: str) -> np.ndarray:
    values = np.random.default_rng(math.prod(shape)).random(shape)
    return (values * 10).astype(dtype) if dtype == "int64" else (4 * values - 2).astype(dtype)


def _eager(model: nn.Module, array: np.ndarray) -> np.ndarray | None:
    try:
        with torch.no_grad():
            return model(torch.from_numpy(array)).numpy()
    except Exception:
        return None


def test_capture_length_in_a_python_number_is_pinned() -> None:
    result = captured(SumOfParts, "1x6:int64[0,9]")
    assert free_axes(result) == ((0, 0),)
    assert "pins" in result.evidence.reason
    assert all((0, 1) not in r.probe.axes for r in (*result.references, *result.sizes))


def test_capture_sizes_that_are_equal_in_the_example_by_chance_are_pinned() -> None:
    result = captured(EqualByChance, "1x3x24x24")
    assert free_axes(result) == ((0, 0),)
    assert "test_sizes.py:" in result.evidence.reason


def test_capture_comparison_of_a_size_ends_the_range_before_the_other_answer() -> None:
    result = captured(Window, "1x16:int64[0,9]")
    assert {each.axes: each.max for each in result.ranges}[((0, 1),)] == 32
    assert all(r.probe.inputs[0].shape[1] <= 32 for r in (*result.references, *result.sizes))


def test_capture_comparison_with_one_answer_in_the_whole_range_leaves_it_free() -> None:
    result = captured(FarWindow, "1x16:int64[0,9]")
    assert (result.evidence.mode, free_axes(result)) == ("trace", ((0, 0), (0, 1)))
    assert {each.axes: (each.min, each.max) for each in result.ranges}[((0, 1),)] == (1, 64)


def test_capture_way_that_the_smallest_size_alone_leaves_out_is_kept() -> None:
    """As attention is causal for more than one token: the trace keeps that."""

    class MoreThanOne(Tokens):
        def forward(self, ids: torch.Tensor, *_: torch.Tensor) -> torch.Tensor:
            y = self.table(ids)
            more = ids.shape[1] > 1 and ids.shape[0] < 500
            if isinstance(more, torch.Tensor):
                more = more.item()
            return y.cumsum(1) if more else y * 2

    result = captured(MoreThanOne, "1x16:int64[0,9]")
    assert (result.evidence.mode, free_axes(result)) == ("trace", ((0, 0), (0, 1)))
    assert {each.axes: each.min for each in result.ranges}[((0, 1),)] == 2


def test_capture_comparison_of_a_product_of_sizes_cuts_the_ranges_together() -> None:
    """As attention over a picture's patches: each side alone may be small, but not both."""

    class Patches(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 8, stride=8, padding=4)

        def forward(self, x: torch.Tensor, *_: torch.Tensor) -> torch.Tensor:
            y = self.conv(x).flatten(2)
            return y.cumsum(2).amax(2) if y.shape[2] > 6 else y.amax(2) * 2

    result = captured(Patches, "1x3x64x64")
    ranges = {each.axes: each for each in result.ranges}
    rows, columns = ranges[((0, 2),)], ranges[((0, 3),)]
    assert rows.min < 64 < rows.max
    assert columns.min < 64 < columns.max
    assert (rows.min // 8 + 1) * (columns.min // 8 + 1) > 6


def test_capture_model_that_pads_lengths_is_right_where_they_are_equal() -> None:
    class PadsMask(Tokens):
        def forward(self, ids: torch.Tensor, mask: torch.Tensor, *_: torch.Tensor) -> torch.Tensor:
            missing = ids.shape[1] - mask.shape[1]
            mask = F.pad(mask, (0, missing)) if missing > 0 else mask[:, : ids.shape[1]]
            return (self.table(ids) * mask.unsqueeze(-1)).sum(1)

    result = captured(PadsMask, "ids=1x10:int64[0,9]", "mask=1x10:int64[0,1]")
    assert ((0, 1), (1, 1)) in {each.axes for each in result.ranges}


def test_capture_padding_to_a_multiple_is_right_at_multiples() -> None:
    class PadsToMultiple(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 4, stride=4)

        def forward(self, x: torch.Tensor, *_: torch.Tensor) -> torch.Tensor:
            h, w = x.shape[2:]
            if h % 4 or w % 4:
                x = F.pad(x, (0, 4 - w % 4, 0, 4 - h % 4))
            return self.conv(x).flatten(2).amax(2)

    result = captured(PadsToMultiple, "1x3x32x48")
    assert {each.axes[0][1]: each.multiple for each in result.ranges if each.axes[0][1] > 1} == {2: 16, 3: 16}


def test_capture_limit_in_the_range_is_scripted_where_it_can_be() -> None:
    class Scriptable(FarWindow):
        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            y = self.table(ids)
            if ids.shape[1] > 40:
                y = y[:, -40:]
            return y.sum(1)

    result = captured(Scriptable, "1x16:int64[0,9]")
    assert (result.evidence.mode, free_axes(result)) == ("script", ((0, 0), (0, 1)))
    assert {each.axes: each.max for each in result.ranges}[((0, 1),)] == 64
    assert result.evidence.reason.startswith("trace differs on size ids 1x64")


def test_capture_size_that_eager_refuses_and_a_trace_answers_is_not_claimed() -> None:
    result = captured(LengthChecked, "1x64:int64[0,9]")
    assert {each.axes: each.multiple for each in result.ranges}[((0, 1),)] == 32


@pytest.mark.parametrize(
    ("factory", "given", "free"),
    [
        (SameSizes, "2x5x8", ((0, 0), (0, 1))),
        (Positions, "1x12:int64[0,9]", ((0, 0), (0, 1))),
        (models.small_encoder, "2x10x32", ((0, 0), (0, 1))),
    ],
)
def test_capture_harmless_numbers_from_sizes_leave_axes_free(
    factory: Callable[[], nn.Module], given: str, free: tuple[tuple[int, int], ...]
) -> None:
    result = captured(factory, given)
    assert (result.evidence.mode, free_axes(result)) == ("trace", free)


def test_capture_warnings_name_lines_of_the_model() -> None:
    result = captured(Window, "1x16:int64[0,9]")
    assert result.evidence.warnings
    assert all(warning.startswith("test_sizes.py:") for warning in result.evidence.warnings)


def test_tracing_restores_the_methods_of_tensor() -> None:
    before = dict(vars(torch.Tensor))
    captured(Window, "1x16:int64[0,9]")
    assert dict(vars(torch.Tensor)) == before


def test_export_saved_file_that_is_wrong_at_other_sizes_has_smaller_ranges(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong_above_72(module: LiteModule, method: str, inputs: Sequence[torch.Tensor]) -> Any:
        value = call(module, method, inputs)
        return value + 1 if inputs[0].shape[2] > 72 else value

    call = LiteModule.call
    monkeypatch.setattr(LiteModule, "call", wrong_above_72)
    report = edgekit.export(models.conv_net().eval(), "1x3x40x40", output=tmp_path / "m.ptl", server=False)
    rows = report.manifest.methods[0].inputs[0].shape[2]
    assert isinstance(rows, AxisRange)
    assert rows.min == 7
    assert 40 < rows.max <= 72
    assert all(case.inputs[0].shape[2] <= 72 for case in golden_of(report.package))
