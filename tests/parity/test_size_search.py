"""Which sizes the eager model takes: ranges, multiples, and axes that must be equal."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from captures import source_of
from torch import nn

from edgekit.format.axes import AxisRange
from edgekit.parity.ranges import axis_ranges
from edgekit.parity.references import eager_references


class Pyramid(nn.Module):
    """Halves the picture three times and joins the maps of the way back, so it takes multiples of 8."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList([nn.Conv2d(c, 4, 3, 2, 1) for c in (3, 4, 4)])
        self.up = nn.ModuleList([nn.Conv2d(8, 4, 3, 1, 1) for _ in range(2)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps = []
        for down in self.down:
            x = down(x)
            maps.append(x)
        for index, up in enumerate(self.up):
            x = up(torch.cat([F.interpolate(x, scale_factor=2.0), maps[1 - index]], 1))
        return x


class Windows(nn.Module):
    """Attention's windows of 7, without padding."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3 * 49, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n, c, h, w = x.shape
        windows = x.view(n, c, h // 7, 7, w // 7, 7).permute(0, 2, 4, 1, 3, 5)
        return self.linear(windows.reshape(n, -1, c * 49)).amax(1)


class PaddedWindows(Windows):
    """The same with padding to whole windows."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h, w = x.shape[2:]
        return super().forward(F.pad(x, (0, (7 - w % 7) % 7, 0, (7 - h % 7) % 7)))


class Joined(nn.Module):
    """Two inputs of one length, which are joined."""

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.cat([x, y], -1).tanh().sum(1)


class Product(nn.Module):
    """Two inputs of one length; a lone size of 1 would be broadcast."""

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return (x * y).sum(1)


class Cross(nn.Module):
    """Queries and keys, which may have different lengths."""

    def forward(self, q: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
        return (q @ k.transpose(1, 2)).softmax(-1) @ k


class Masked(nn.Module):
    """A mask of length x length, beside features that have the same size in the example."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 8)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        y = self.linear(x)
        return (y @ y.transpose(1, 2) + mask).softmax(-1) @ y


class Square(nn.Module):
    """Multiplies each channel by itself, so it takes square pictures."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x @ x).sum((2, 3))


class Rows(nn.Module):
    """Reads lines of text that are 16 rows high and of any width."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.linear = nn.Conv2d(3, 4, 3, 2, 1), nn.Linear(4 * 8, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(self.conv(x).permute(0, 3, 1, 2).flatten(2))


class Table(nn.Module):
    """A table of 20 positions."""

    def __init__(self, rows: int = 20) -> None:
        super().__init__()
        self.positions = nn.Parameter(torch.randn(rows, 8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x + self.positions[: x.shape[1]]).tanh().sum(1)


class Patches(nn.Module):
    """A table of 100 positions for the patches of both directions together."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.positions = nn.Conv2d(3, 8, 4, 4), nn.Parameter(torch.randn(100, 8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv(x).flatten(2).transpose(1, 2)
        return (y + self.positions[: y.shape[1]]).tanh().sum(1)


class Lengths(nn.Module):
    """An LSTM over sequences with lengths."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(8, 6, batch_first=True)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        return nn.utils.rnn.pad_packed_sequence(self.lstm(packed)[0], batch_first=True)[0].sum(1)


class Normalized(nn.Module):
    """Divides by the deviation over the length, which is not a number for one element."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x / x.std(1, keepdim=True)


class Strided(nn.Module):
    """Takes 15 for 16, but no other smaller size: the map of a stride of 2 has 8 rows for both."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.linear = nn.Conv1d(4, 4, 3, 2, 1), nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(self.conv(x))


class Indexed(nn.Module):
    """Takes rows of the mask by number, and ignores surplus ones, as hubs' attention masks do."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 3)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return self.linear(x * mask[torch.arange(x.shape[0])])


class Broadcast(nn.Module):
    """Takes a mask and a query of any number of rows for one row of x, and x of several rows only with as many of both."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 6)

    def forward(self, x: torch.Tensor, mask: torch.Tensor, query: torch.Tensor) -> torch.Tensor:
        if x.shape[0] > 1 and not x.shape[0] == mask.shape[0] == query.shape[0]:
            raise ValueError("expected one batch")
        y = self.linear(x)
        return torch.cat([(y * mask).sum(0), (y * query).sum(0)])


@pytest.mark.parametrize(
    ("factory", "inputs", "shapes"),
    [
        (Broadcast, ["1x6", "1x6", "1x6"], 3 * ["[batch=1..4, 6]"]),
        (Indexed, ["1x6", "1x6"], ["[batch=1..4, 6]", "[batch=1..4, 6]"]),
        (Pyramid, ["1x3x16x16"], ["[1..4, 3, 8..64 by 8, 8..64 by 8]"]),
        (Pyramid, ["1x3x16x24"], ["[1..4, 3, 8..64 by 8, 8..96 by 8]"]),
        (Windows, ["2x3x28x21"], ["[1..8, 3, 7..112 by 7, 7..84 by 7]"]),
        (PaddedWindows, ["2x3x28x28"], ["[1..8, 3, 1..112, 1..112]"]),
        (Joined, ["1x6x8", "1x6x4"], ["[batch=1..4, s0=1..24, 1..32]", "[batch=1..4, s0=1..24, 1..16]"]),
        (Product, ["1x6x8", "1x6x8"], 2 * ["[batch=1..4, s0=1..24, s1=1..32]"]),
        (Cross, ["2x5x8", "2x5x8"], 2 * ["[batch=1..8, 1..20, s0=1..32]"]),
        (Cross, ["2x5x8", "2x7x8"], ["[batch=1..8, 1..20, s0=1..32]", "[batch=1..8, 1..28, s0=1..32]"]),
        (Masked, ["2x8x8", "8x8"], ["[1..8, s0=1..32, 8]", "[s0=1..32, s0=1..32]"]),
        (Masked, ["2x5x8", "5x5"], ["[1..8, s0=1..20, 8]", "[s0=1..20, s0=1..20]"]),
        (Square, ["1x3x16x16"], ["[1..4, 3, s0=1..64, s0=1..64]"]),
        (Rows, ["1x3x16x40"], ["[1..4, 3, 16, 1..160]"]),
        (Table, ["1x12x8"], ["[1..4, 1..20, 8]"]),
        (Table, ["1x20x8"], ["[1..4, 1..20, 8]"]),
        (Lengths, ["3x10x8", "3:int64[1,10]"], ["[batch=1..12, 10..40, 8]", "[batch=1..12]"]),
        (Strided, ["2x4x16"], ["[1..8, 4, 16]"]),
    ],
)
def test_search_finds_ranges_multiples_and_equal_axes(
    factory: Callable[[], nn.Module], inputs: list[str], shapes: list[str]
) -> None:
    source = source_of(factory, *inputs)
    found = axis_ranges(eager_references(source).ranges)
    assert shapes == [
        f"[{', '.join(str(found.get((index, axis), size)) for axis, size in enumerate(spec.shape))}]"
        for index, spec in enumerate(source.inputs)
    ]


def test_search_sizes_that_exclude_each_other_are_not_claimed_together() -> None:
    found = axis_ranges(eager_references(source_of(Patches, "1x3x32x32")).ranges)
    assert (found[0, 2].max // 4) * (found[0, 3].max // 4) <= 100
    assert found[0, 2].max > 32


def test_search_size_without_a_number_as_answer_is_not_claimed() -> None:
    found = axis_ranges(eager_references(source_of(Normalized, "2x6x3")).ranges)
    assert found[0, 1] == AxisRange(min=2, max=24)


def test_search_references_prove_every_end() -> None:
    references = eager_references(source_of(PaddedWindows, "1x3x28x28"))
    shapes = {tuple(r.probe.inputs[0].shape) for r in (*references.items, *references.sizes)}
    assert {(1, 3, 1, 1), (4, 3, 112, 112), (4, 3, 1, 1), (1, 3, 29, 30)} <= shapes
    assert any(shape[2] % 2 and shape[2] not in (1, 29) for shape in shapes)
    assert any(shape[2] == 112 > shape[3] for shape in shapes)


def test_search_of_a_large_model_is_limited_by_its_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgekit.parity.sizes._LARGEST", 4e6)  # the model takes 1.2e6 multiply-adds
    references = eager_references(source_of(lambda: nn.Sequential(nn.Conv2d(3, 8, 7, 1, 3)), "1x3x32x32"))
    rows = axis_ranges(references.ranges)[0, 2]
    assert 32 < rows.max < 4 * 32
    assert max(r.probe.elements for r in references.sizes) >= 3 * rows.max**2
