"""The axes of a tensor in a manifest: a fixed size, a proved range of sizes, or null for any size."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated

import msgspec

MAX_ELEMENTS = 2**28  # of one input or output: no device holds more, and a hostile file must not ask for more

Extent = Annotated[int, msgspec.Meta(extra_json_schema={"minimum": 0})]


@dataclass(frozen=True, slots=True, kw_only=True)
class AxisRange:
    """The sizes of an axis that were proved: every multiple of `multiple` from `min` to `max`.

    Axes of a method's inputs with the same `symbol` have equal sizes in a run.
    """

    min: Extent
    max: Extent
    multiple: Annotated[int, msgspec.Meta(extra_json_schema={"minimum": 1})] = 1
    symbol: str | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.min <= self.max <= MAX_ELEMENTS or self.multiple < 1:
            raise ValueError(
                f"an axis has the range {self}; expected 0 <= min <= max <= {MAX_ELEMENTS} and a multiple of at least 1"
            )
        if self.symbol == "":
            raise ValueError("an axis has an empty symbol; expected a name or null")

    def __contains__(self, size: int) -> bool:
        return self.min <= size <= self.max and size % self.multiple == 0

    def __str__(self) -> str:
        step = "" if self.multiple == 1 else f" by {self.multiple}"
        name = "" if self.symbol is None else f"{self.symbol}="
        return f"{name}{self.min}..{self.max}{step}"


Axis = Extent | None | AxisRange


def accepts(shape: Sequence[Axis], sizes: Sequence[int]) -> bool:
    """Whether a tensor of these sizes fits a shape of a manifest."""
    return len(shape) == len(sizes) and all(map(_fits, shape, sizes))


def _fits(axis: Axis, size: int) -> bool:
    if isinstance(axis, AxisRange):
        return size in axis
    return axis is None or axis == size


def shape_text(shape: Iterable[Axis]) -> str:
    """For example `[1..4, 3, h=32..512 by 32, *]`; `*` is an axis of any size, for which no range was proved."""
    return f"[{', '.join('*' if axis is None else str(axis) for axis in shape)}]"


def unequal(named: Iterable[tuple[str, Sequence[Axis], Sequence[int]]]) -> str:
    """The first two axes that have one symbol and different sizes, as a text; empty if there are none.

    Args:
        named: for each input, its name, its shape in the manifest, and its sizes, which that shape accepts.
    """
    seen: dict[str, tuple[str, int]] = {}
    for name, shape, sizes in named:
        for position, (axis, size) in enumerate(zip(shape, sizes, strict=True)):
            if isinstance(axis, AxisRange) and axis.symbol is not None:
                where, first = seen.setdefault(axis.symbol, (f"axis {position} of {name}", size))
                if first != size:
                    return f"{where} is {first} and axis {position} of {name} is {size}"
    return ""
