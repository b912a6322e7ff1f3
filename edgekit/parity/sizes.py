"""Searches the sizes that the eager model takes, and chooses the probes that prove them.

The cost of the largest probe is limited, so that the search takes less time than the passes.
"""

import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from edgekit.format.axes import AxisRange
from edgekit.format.generator import hashes
from edgekit.parity.comparison import Reference
from edgekit.parity.moves import Answer, Axis, Moving, Sizes, SizeTrials, moving_axes
from edgekit.parity.probes import Axes, axis_groups
from edgekit.parity.ranges import Ranges, SizeRange, check_requested, inside, narrowed
from edgekit.sources.source import SourceModel

_TIMES = 4  # sizes are searched up to this many times the size of the example
_LARGEST, _INSIDE = 6e9, 2e9  # multiply-adds of the largest probe, and of all probes inside the ranges
_MOST_ELEMENTS = 1 << 22  # of the inputs of the largest probe
_LEAST = 1.05  # of the example; the largest probe may always be this large
_CHEAP = 1e9  # multiply-adds of a probe that judges each pass
_COUNTS = ((1e7, 24), (3e8, 10), (math.inf, 4))  # multiply-adds of the model, and probes inside the ranges
_ROUNDS = 6
_SEED = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Fewer:
    """Limits of a search: sets of axes that are always equal, the multiples that are tried of an axis, and its ends."""

    equal: tuple[Axes, ...] = ()
    multiples: Mapping[Axis, int] = field(default_factory=dict)
    ends: Mapping[Axis, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeSearch:
    """What the eager model takes. The answer `judging` judges each pass; `points` judge captures and the saved file."""

    ranges: Ranges
    judging: Reference | None = None
    points: tuple[Reference, ...] = ()


def search_sizes(source: SourceModel, answer: Answer, work: float, fewer: Fewer | None = None) -> SizeSearch:
    """Searches the sizes that the model takes around those of the example.

    Args:
        source: the model; it must take the sizes in `source.dynamic`.
        answer: asks the eager model.
        work: the multiply-adds of one run on the example.
        fewer: limits of the search.

    Raises:
        ParityError: the model refuses a size that the user asked for.
    """
    trials, fewer = SizeTrials(source, answer), fewer or Fewer()
    search = _Search(trials, work, fewer)
    taken = {axis for group in axis_groups(source) for axis in group}
    groups = [*axis_groups(source), *([axis] for axis in source.dynamic if axis not in taken)]
    box = search.ends(search.start(moving_axes(trials, groups, fewer.equal)))
    for _ in range(_ROUNDS):
        agreed = [trials.accepts(sizes) for sizes in search.probes_of(box)]
        box = narrowed(box, good=[each.probe for each in trials.taken], bad=[probe for probe, _ in trials.refused])
        if all(agreed):
            break
    check_requested(source, box, trials.refused, f"{source.source} refuses")
    judging = trials.reference(search.judging(box))
    points = [each for each in trials.taken if inside(box, each.probe) and each is not judging]
    return SizeSearch(ranges=box, judging=judging, points=tuple(points))


class _Search:
    def __init__(self, trials: SizeTrials, work: float, fewer: Fewer) -> None:
        elements = sum(math.prod(spec.shape) for spec in trials.source.inputs)
        self._trials, self._work, self._fewer = trials, work, fewer
        self._most = max(_LEAST, min(_LARGEST / work, _MOST_ELEMENTS / max(elements, 1)))

    def start(self, moving: Sequence[Moving]) -> list[SizeRange]:
        """The ranges of the axes that move, which have only the example's sizes so far."""
        found = []
        for each in moving:
            wanted = self._wanted(each.axes)
            coarse = wanted.multiple if wanted else self._fewer.multiples.get(each.axes[0], 1)
            step = coarse if coarse % each.multiple == 0 else each.multiple
            found.append(SizeRange(axes=each.axes, size=each.size, min=each.size, max=each.size, multiple=step))
        return found

    def ends(self, box: Sequence[SizeRange]) -> Ranges:
        """The ranges up to the furthest sizes that the model takes: each alone, then all together."""
        lows = [self._low(each) for each in box]
        lows = self._furthest_together(box, lows)
        low = [replace(each, min=size) for each, size in zip(box, lows, strict=True)]
        largest = self._largest(low)
        highs = self._furthest_together(largest, [self._high(each, len(largest)) for each in largest])
        high = {each.axes: size for each, size in zip(largest, highs, strict=True)}
        for each in low:
            if each not in largest:
                high[each.axes] = self._furthest(each, self._batch_high(each, low), _at_min(low))
        return tuple(replace(each, max=high[each.axes]) for each in low)

    def probes_of(self, box: Ranges) -> Iterator[Sizes]:
        """Sizes at the ends, next to the example, and inside, which the model must take to claim the ranges."""
        yield self.judging(box)
        yield _at_min(box)
        yield self._highest(box)
        for each in box:
            yield {**_at_min(box), **_sizes(each, each.max)}
            yield {**self._highest(box), **_sizes(each, each.min)}
            if each.min < each.size:  # code that treats a size of one apart makes the next one the smallest
                yield {**_at_min(box), **_sizes(each, each.min + each.multiple)}
        if self._work <= _CHEAP:
            yield _merged(_sizes(e, max(e.min, e.size - e.multiple * (n + 1))) for n, e in enumerate(box))
        spent = 0.0
        for sizes in self._inside(box):
            spent += self._work * self._trials.growth(sizes)
            yield sizes
            if spent > _INSIDE:
                return

    def judging(self, box: Ranges) -> Sizes:
        """Other sizes of all axes, larger ones if that is cheap. Axes that may differ get different sizes."""
        larger = _merged(_sizes(each, _grown(each, position)) for position, each in enumerate(box))
        if self._work * self._trials.growth(larger) <= _CHEAP:
            return larger
        batch = [each for each in box if each not in self._largest(box)]
        halves = _merged(_sizes(each, _smaller(each, position)) for position, each in enumerate(self._largest(box)))
        return {**halves, **_merged(_sizes(each, _grown(each, 0)) for each in batch)}

    def _inside(self, box: Ranges) -> Iterator[Sizes]:
        """Pseudo-random sizes: of all axes, then of one axis."""
        count = next(count for work, count in _COUNTS if self._work <= work)
        for position in range(count if box else 0):
            draws = hashes(_SEED + position, len(box))
            sizes = [_drawn(each, int(draw)) for each, draw in zip(box, draws, strict=True)]
            if position % 2:
                one = position // 2 % len(box)
                sizes = [size if index == one else box[index].size for index, size in enumerate(sizes)]
            most = max(0.5, min(self._most, _INSIDE / self._work / count))
            while self._trials.growth(_merged(map(_sizes, box, sizes))) > most and list(sizes) != [e.min for e in box]:
                sizes = [_halfway(each, size) for each, size in zip(box, sizes, strict=True)]
            yield _merged(map(_sizes, box, sizes))

    def _largest(self, box: Sequence[SizeRange]) -> list[SizeRange]:
        """The ranges that grow together. The batch does not: it is proved together with small sizes."""
        others = [each for each in box if any(axis != 0 for _, axis in each.axes)]
        return others or list(box)

    def _highest(self, box: Ranges) -> Sizes:
        """The largest sizes of all axes, or without the batch if that costs too much."""
        everything = _merged(_sizes(each, each.max) for each in box)
        if self._trials.growth(everything) <= self._most:
            return everything
        return _merged(_sizes(each, each.max) for each in self._largest(box))

    def _wanted(self, axes: Sequence[tuple[int, int]]) -> AxisRange | None:
        dynamic = self._trials.source.dynamic
        return next((dynamic[axis] for axis in axes if axis in dynamic), None)

    def _low(self, each: SizeRange) -> int:
        wanted = self._wanted(each.axes)
        return wanted.min if wanted else max(each.multiple, self._limits(each)[0])

    def _high(self, each: SizeRange, count: int) -> int:
        if wanted := self._wanted(each.axes):
            return wanted.max
        factor = min(_TIMES, self._most ** (1 / count))
        steps = 2 if self._work <= _LARGEST else 1
        high = max(int(each.size * factor) // each.multiple * each.multiple, each.size + steps * _jump(each))
        return min(high, self._limits(each)[1])

    def _limits(self, each: SizeRange) -> tuple[int, int]:
        """The ends that the search must not pass, as multiples."""
        low, high = self._fewer.ends.get(each.axes[0], (1, sys.maxsize))
        return -(-low // each.multiple) * each.multiple, high // each.multiple * each.multiple

    def _batch_high(self, each: SizeRange, box: Sequence[SizeRange]) -> int:
        if wanted := self._wanted(each.axes):
            return wanted.max
        high = min(_TIMES * each.size, self._limits(each)[1])
        while self._trials.growth({**_at_min(box), **_sizes(each, high)}) > max(self._most, 2) and high > each.size:
            high -= each.multiple
        return min(max(high, each.size + each.multiple), self._limits(each)[1])

    def _furthest_together(self, box: Sequence[SizeRange], targets: Sequence[int]) -> list[int]:
        """The sizes on the way to the targets, as far as the model takes them."""
        if self._trials.accepts(_merged(map(_sizes, box, targets))):
            return list(targets)
        alone = [self._furthest(each, target, {}) for each, target in zip(box, targets, strict=True)]

        def at(step: int) -> list[int]:
            return [
                size if self._wanted(each.axes) else _between(each, size, step, 16)
                for each, size in zip(box, alone, strict=True)
            ]

        return at(last_accepted(lambda step: self._trials.accepts(_merged(map(_sizes, box, at(step)))), 16))

    def _furthest(self, each: SizeRange, target: int, others: Sizes) -> int:
        steps = abs(target - each.size) // each.multiple
        sign = 1 if target > each.size else -1

        def accepts(step: int) -> bool:
            return self._trials.accepts({**others, **_sizes(each, each.size + sign * step * each.multiple)})

        return each.size + sign * last_accepted(accepts, steps) * each.multiple


def _sizes(each: SizeRange, size: int) -> dict[tuple[int, int], int]:
    return dict.fromkeys(each.axes, size)


def _merged(parts: Iterable[dict[tuple[int, int], int]]) -> dict[tuple[int, int], int]:
    return {axis: size for part in parts for axis, size in part.items()}


def _at_min(box: Sequence[SizeRange]) -> dict[tuple[int, int], int]:
    return _merged(_sizes(each, each.min) for each in box)


def _jump(each: SizeRange) -> int:
    """A step that is a multiple, and that shows in sizes of feature maps too."""
    least = 32 if each.size >= 32 else 1
    return -(-least // each.multiple) * each.multiple


def _grown(each: SizeRange, position: int) -> int:
    jump = _jump(each) * (1 + position % 2)
    sizes = (each.size + jump, each.size + _jump(each), each.max, each.size - jump)
    return next((size for size in sizes if each.min <= size <= each.max and size != each.size), each.min)


def _smaller(each: SizeRange, position: int) -> int:
    """About half the size of the example; an odd number if that is a multiple."""
    half = (each.size // 2 // each.multiple | 1) * each.multiple + 2 * (position % 2) * each.multiple
    return min(max(half, each.min), each.max)


def _drawn(each: SizeRange, draw: int) -> int:
    count = (each.max - each.min) // each.multiple + 1
    return each.min + (draw * count >> 32) * each.multiple


def _halfway(each: SizeRange, size: int) -> int:
    return each.min + (size - each.min) // 2 // each.multiple * each.multiple


def _between(each: SizeRange, target: int, step: int, steps: int) -> int:
    moved = abs(target - each.size) // each.multiple * step // steps * each.multiple
    return each.size + (moved if target > each.size else -moved)


def last_accepted(accepts: Callable[[int], bool], most: int) -> int:
    """The last of the numbers 0 to `most` that is accepted. Zero always is, and so are all before the last one."""
    if most == 0 or accepts(most):
        return most
    good, bad = 0, most
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if accepts(middle) else (good, middle)
    return good
