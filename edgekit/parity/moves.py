"""Which axes of a model can take other sizes: alone, or only together with others. Only the eager model is asked."""

import itertools
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from edgekit.parity.comparison import Reference
from edgekit.parity.probes import Axes, Probe, resized
from edgekit.sources.source import SourceModel

Axis = tuple[int, int]
Sizes = Mapping[Axis, int]
Answer = Callable[[Sizes], Reference | str]  # the eager model's answer, or why there is none


class SizeTrials:
    """Asks the eager model for other sizes, and remembers the answers: `taken`, or `refused` with the reason."""

    def __init__(self, source: SourceModel, answer: Answer) -> None:
        self.source, self._answer = source, answer
        self._seen: dict[frozenset[tuple[Axis, int]], Reference | str] = {}
        self.taken: list[Reference] = []
        self.refused: list[tuple[Probe, str]] = []

    def size(self, axis: Axis) -> int:
        """The size of the example."""
        return self.source.inputs[axis[0]].shape[axis[1]]

    def accepts(self, sizes: Sizes) -> bool:
        return not isinstance(self._found(sizes), str)

    def reference(self, sizes: Sizes) -> Reference | None:
        """The answer for other sizes than the example's, or None if there is none."""
        found = self._found(sizes)
        return None if isinstance(found, str) else found

    def growth(self, sizes: Sizes) -> float:
        """How many times larger the inputs become."""
        factors = [1.0] * len(self.source.inputs)
        for axis, size in sizes.items():
            factors[axis[0]] *= size / self.size(axis)
        return max(factors, default=1.0)

    def _found(self, sizes: Sizes) -> Reference | str | None:
        changed = {axis: size for axis, size in sizes.items() if size != self.size(axis)}
        if not changed:
            return None
        key = frozenset(changed.items())
        if key not in self._seen:
            found = self._seen[key] = self._answer(changed)
            if isinstance(found, str):
                self.refused.append((resized(self.source, changed), found))
            else:
                self.taken.append(found)
        return self._seen[key]


_FEW = 5  # axes of which all sets are tried


@dataclass(frozen=True, slots=True, kw_only=True)
class Moving:
    """Axes that take other sizes together. The model takes `size` + `step`, and the smallest such step was searched."""

    axes: Axes
    size: int
    step: int

    @property
    def multiple(self) -> int:
        return abs(self.step)

    def at(self, size: int) -> dict[Axis, int]:
        return dict.fromkeys(self.axes, size)


def moving_axes(
    trials: SizeTrials, groups: Sequence[Sequence[Axis]], equal: Collection[Axes] = ()
) -> tuple[Moving, ...]:
    """The axes of each group that can move. The axes of a group have one size in the example.

    Axes that take different sizes at the same time are independent; others are equal in every run.

    Args:
        trials: asks the model.
        groups: the axes.
        equal: sets of axes that have one size in every run if the model takes that, even if they could differ.
    """
    return tuple(moving for group in groups for moving in _of_group(trials, group, equal))


def _of_group(trials: SizeTrials, group: Sequence[Axis], equal: Collection[Axes]) -> list[Moving]:
    together: list[Moving] = []
    for axes in equal:
        if set(axes) <= set(group) and (step := _step(trials, axes)) > 0:
            together.append(Moving(axes=axes, size=trials.size(axes[0]), step=step))
            group = [axis for axis in group if axis not in axes]
    return [*together, *_of_others(trials, group)]


def _of_others(trials: SizeTrials, group: Sequence[Axis]) -> list[Moving]:
    free = [Moving(axes=(axis,), size=trials.size(axis), step=1) for axis in group]
    if _can_differ(trials, free):
        return free
    alone = {axis: _step(trials, (axis,)) for axis in group}
    found: list[Moving] = []
    for axis in group:
        if alone[axis] > 0:
            _add(trials, found, Moving(axes=(axis,), size=trials.size(axis), step=alone[axis]))
    # The others cannot grow alone, but perhaps together with another axis.
    left = [axis for axis in group if alone[axis] <= 0 and not _join(trials, found, (axis,))]
    for axes in _subsets(tuple(left)):
        if set(axes) <= set(left) and (step := _step(trials, axes)) and (step > 0 or not any(map(alone.get, axes))):
            _add(trials, found, Moving(axes=axes, size=trials.size(axes[0]), step=step))
            left = [axis for axis in left if axis not in axes]
    for axes in _of_positions(group):  # they need all others of their position, as a batch that some inputs may lack
        if set(axes) & set(left) and _holds(axes, found) and (step := _step(trials, axes)) > 0:
            found = [each for each in found if not set(each.axes) & set(axes)]
            _add(trials, found, Moving(axes=axes, size=trials.size(axes[0]), step=step))
            left = [axis for axis in left if axis not in axes]
    for axis in left:
        if alone[axis]:
            _add(trials, found, Moving(axes=(axis,), size=trials.size(axis), step=alone[axis]))
    return found


def _add(trials: SizeTrials, found: list[Moving], new: Moving) -> None:
    """Adds axes that move. If they cannot differ from those found before, they join one of them."""
    if _can_differ(trials, [*found, new]):
        found.append(new)
    else:
        _join(trials, found, new.axes)


def _join(trials: SizeTrials, found: list[Moving], axes: Axes) -> bool:
    for index, each in enumerate(found):
        together = tuple(sorted((*each.axes, *axes)))
        if trials.accepts(dict.fromkeys(together, each.size + each.step)):
            found[index] = Moving(axes=together, size=each.size, step=each.step)
            return True
    return False


def _of_positions(axes: Sequence[Axis]) -> Iterator[Axes]:
    """The sets of axes of one position in several inputs."""
    for position in sorted({axis for _, axis in axes}):
        of_position = tuple(each for each in axes if each[1] == position)
        if len(of_position) > 1:
            yield of_position


def _holds(axes: Axes, found: Sequence[Moving]) -> bool:
    """Whether each of the moving sets has all of its axes among these, or none."""
    return all(set(each.axes) <= set(axes) or not set(each.axes) & set(axes) for each in found)


def _subsets(axes: Sequence[Axis]) -> Iterator[Axes]:
    """The sets of axes that may have to be equal: of one position in all inputs, all of them, and smaller sets."""
    yield from _of_positions(axes)
    counts = range(len(axes), 1, -1) if len(axes) <= _FEW else (len(axes), 2)
    for count in counts:
        yield from itertools.combinations(axes, count)


def _can_differ(trials: SizeTrials, moving: Sequence[Moving]) -> bool:
    """Whether the model takes different sizes, whichever is larger: it may ignore surplus rows of one input."""
    return trials.accepts(_distinct(moving)) and trials.accepts(_distinct(moving[::-1]))


def _distinct(moving: Sequence[Moving]) -> dict[Axis, int]:
    """Other sizes for all, each different from those before."""
    sizes: dict[Axis, int] = {}
    for each in moving:
        used = set(sizes.values())
        size = next(s for s in _along(each) if s not in used)
        sizes |= each.at(size)
    return sizes


def _along(each: Moving) -> Iterator[int]:
    """Sizes that are near: those in the direction of the step first, as long as there are any."""
    for count in itertools.count(1):
        if each.size + count * each.step > 0:
            yield each.size + count * each.step
        else:
            yield each.size + count * each.multiple


def _step(trials: SizeTrials, axes: Axes) -> int:
    """The smallest difference from the size of the example that the model takes, or 0 if it takes none.

    If it takes only multiples of a number, that number divides the size of the example.
    """
    size = trials.size(axes[0])

    def takes(step: int) -> bool:
        """A smaller size counts if the next one is taken too: a layer with a stride may take 63 for 64, but not 62."""
        steps = (step, 2 * step) if 2 * step > -size and step < 0 else (step,)
        return all(trials.accepts(dict.fromkeys(axes, size + each)) for each in steps)

    step = next(filter(takes, _differences(size)), 0)
    while smaller := next((step // prime for prime in _primes(abs(step)) if takes(step // prime)), 0):
        step = smaller
    return step


def _differences(size: int) -> Iterator[int]:
    yield 1
    if size > 1:
        yield -1
    for prime in _primes(size):
        if prime < size:
            yield -size // prime
            yield size // prime
    if size > 1:
        yield size


def _primes(number: int) -> list[int]:
    """The prime factors of a number."""
    found, factor = [], 2
    while factor <= math.isqrt(number):
        if number % factor == 0:
            found.append(factor)
            while number % factor == 0:
                number //= factor
        factor += 1
    return [*found, number] if number > 1 else found
