"""The sizes that a trace can keep: those at which the model takes the same way through its Python code.

A trace keeps a Python number as a constant, so no finite set of probes proves other sizes. It keeps the way at a comparison of
sizes too, but there the ends of a range decide: sums and products of sizes grow or fall with a size.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from edgekit.capture.conversions import Conversion, asked_of_sizes, lines_that_depend
from edgekit.parity.ranges import Ranges, SizeRange
from edgekit.parity.sizes import last_accepted

Taken = Callable[[Mapping[tuple[int, int], int]], Sequence[Conversion]]  # the conversions of the capture at other sizes

_PARTS = 4  # in which the way from the example to the ends of several ranges is searched
_PERIOD = 8  # the least multiple of sizes for which a remainder of feature maps can be proved


@dataclass(frozen=True, slots=True, kw_only=True)
class Traceable:
    """The ranges that a trace can keep. `lines` take a number from the size of an axis whose range is cut or left out.

    `cut` is true if a range is smaller than the model's, except for its smallest size.
    """

    ranges: Ranges
    lines: tuple[str, ...] = ()
    cut: bool = False


def traceable(
    ranges: Ranges, example: Sequence[Conversion], taken: Taken, *, to_the_end: bool = True
) -> Traceable | None:
    """The ranges that a trace can keep.

    Args:
        ranges: the sizes that the model takes.
        example: the conversions of the capture.
        taken: captures the model again with some axes of other sizes.
        to_the_end: whether to search the ends of ranges that are smaller than the model's, which takes many captures.

    Returns:
        None if some ranges are smaller than the model's, unless they are searched to the end.
    """
    limits = _Limits(example, taken)
    if all(each.identity for each in example) and (not example or limits.same_at(_apart(ranges))):
        return Traceable(ranges=ranges)
    if not to_the_end and not all(map(limits.whole, ranges)):
        return None
    kept = [found for each in ranges if (found := limits.of(each)) is not None]
    if len(limits.asked) > 1:
        kept = limits.together(kept)
    mine = {each.axes: each for each in kept}
    cut = any(
        each.axes in mine and (mine[each.axes].max < each.max or mine[each.axes].min > each.min + each.multiple)
        for each in ranges
    )
    pinned = len(kept) < len(ranges)
    return Traceable(ranges=tuple(kept), lines=tuple(limits.found) if cut or pinned else (), cut=cut)


class _Limits:
    def __init__(self, example: Sequence[Conversion], taken: Taken) -> None:
        self._example, self._taken = example, taken
        self._seen: dict[frozenset[tuple[tuple[int, int], int]], tuple[tuple[str, ...], list[Conversion]]] = {}
        self.found: dict[str, None] = {}  # the lines that depend on a size
        self.asked: set[tuple[tuple[int, int], ...]] = set()  # the axes of whose sizes a comparison asks

    def same_at(self, sizes: Mapping[tuple[int, int], int]) -> bool:
        """Whether the model takes the same way at other sizes."""
        return not self._at(sizes, periods=False)[0]

    def whole(self, each: SizeRange) -> bool:
        """Whether the model takes the same way at the ends of a range, except for its smallest size."""
        return not self._lines(each, each.max) and not self._lines(each, min(each.min + each.multiple, each.size))

    def of(self, each: SizeRange) -> SizeRange | None:
        """The part of a range in which the model takes the same way; None if that is the example's size alone."""
        near = each.size + each.multiple if each.size < each.max else each.size - each.multiple
        first = each.min if each.min < each.size else near
        if not self._lines(each, first) and not self._asks(each, first):
            return each
        if self._lines(each, near):
            return None
        if self._asks(each, near) or self._asks(each, first):  # near sizes may give one number of patches
            self.asked.add(each.axes)
        found = replace(each, min=self._end(each, each.min), max=self._end(each, each.max))
        return found if found.min < found.max else None

    def together(self, ranges: Sequence[SizeRange]) -> list[SizeRange]:
        """The parts of several ranges in which the model takes the same way wherever they meet: the low ends, then all."""
        if self._agree(ranges):
            return list(ranges)

        def lows(step: int) -> list[SizeRange]:
            return [
                replace(each, min=_towards(each, each.min, step), max=each.size) if each.axes in self.asked else each
                for each in ranges
            ]

        found = lows(last_accepted(lambda step: self._agree(lows(step)), _PARTS))

        def highs(step: int) -> list[SizeRange]:
            return [
                replace(low, max=_towards(each, each.max, step)) if each.axes in self.asked else each
                for low, each in zip(found, ranges, strict=True)
            ]

        found = highs(last_accepted(lambda step: self._agree(highs(step)), _PARTS))
        return [each for each in found if each.min < each.max]

    def _agree(self, ranges: Sequence[SizeRange]) -> bool:
        """Whether the model takes the same way at the corners of the ranges of whose sizes a comparison asks."""
        asked = [each for each in ranges if each.axes in self.asked]
        periods = all(each.multiple >= _PERIOD for each in asked)
        lows, highs = ({axis: end(r) for r in asked for axis in r.axes} for end in (_minimum, _maximum))
        corners = [lows, highs]
        for each in asked:
            corners += [{**lows, **dict.fromkeys(each.axes, each.max)}, {**highs, **dict.fromkeys(each.axes, each.min)}]
        return not any(self._at(corner, periods)[0] for corner in corners)

    def _end(self, each: SizeRange, end: int) -> int:
        """The furthest size towards an end at which the model takes the same way."""
        if end == each.size or not self._lines(each, end):
            return end
        sign = 1 if end > each.size else -1

        def same(step: int) -> bool:
            return not self._lines(each, each.size + sign * step * each.multiple)

        return each.size + sign * last_accepted(same, abs(end - each.size) // each.multiple - 1) * each.multiple

    def _lines(self, each: SizeRange, size: int) -> tuple[str, ...]:
        return self._at(dict.fromkeys(each.axes, size), each.multiple >= _PERIOD)[0]

    def _asks(self, each: SizeRange, size: int) -> bool:
        """Whether a comparison asks for the size of an axis."""
        return bool(self._at(dict.fromkeys(each.axes, size), each.multiple >= _PERIOD)[1])

    def _at(self, sizes: Mapping[tuple[int, int], int], periods: bool) -> tuple[tuple[str, ...], list[Conversion]]:
        key = frozenset(sizes.items())
        if key not in self._seen:
            other = self._taken(sizes)
            lines = lines_that_depend(self._example, other, periods=periods)
            self.found |= dict.fromkeys(lines)
            self._seen[key] = lines, asked_of_sizes(self._example, other)
        return self._seen[key]


def _towards(each: SizeRange, end: int, step: int) -> int:
    """A size on the way from the example to an end of a range, in parts of the way."""
    moved = abs(end - each.size) // each.multiple * step // _PARTS * each.multiple
    return each.size + (moved if end > each.size else -moved)


def _apart(ranges: Ranges) -> dict[tuple[int, int], int]:
    """Near sizes of all axes, different ones for each range: sizes that are equal in the example may be so by chance."""
    found: dict[tuple[int, int], int] = {}
    for each in ranges:
        near = (each.size + sign * count * each.multiple for count in range(1, len(ranges) + 2) for sign in (1, -1))
        inside = [size for size in near if each.min <= size <= each.max]
        size = next((size for size in inside if size not in found.values()), each.min)
        found |= dict.fromkeys(each.axes, size)
    return found


def _minimum(each: SizeRange) -> int:
    return each.min


def _maximum(each: SizeRange) -> int:
    return each.max
