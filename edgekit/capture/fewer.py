"""More attempts at a capture that is right only at some sizes: with equal axes, then with multiples, or up to a limit.

A model may take inputs of different lengths that nobody passes, and pad a size to a multiple by Python numbers. A trace is right
at fewer sizes: where the lengths are equal, and at multiples. Where the model takes another way from some size on, the sizes are
searched again up to it, so that the range ends there and not at the last size that was tried before.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from edgekit.capture.attempts import Attempt, attempt
from edgekit.format.schema import Tolerance
from edgekit.parity.probes import Axes, axis_groups
from edgekit.parity.references import References, at_fewer_sizes
from edgekit.parity.sizes import Fewer
from edgekit.sources.source import SourceModel

_MULTIPLE = 32  # the largest that is tried
_LEAST = 8


def with_fewer_sizes(
    source: SourceModel, references: References, tried: Sequence[Attempt], tolerance: Tolerance
) -> Iterator[Attempt]:
    """Yields attempts in the mode that is right for the most axes, if each mode is wrong at some sizes."""
    usable = [each for each in tried if each.only_sizes and (each.pinned or each.cut)]
    if not usable:
        return
    best = min(usable, key=lambda each: (len(each.pinned), each.cut))
    for fewer in _pinned_less(source, references, best) if best.pinned else [_within(best)]:
        again = at_fewer_sizes(source, references, fewer)
        found = attempt(source, again, best.mode, tolerance, tried[0].warnings, own=True)
        yield replace(found, sized_by=found.sized_by or best.sized_by)


def _pinned_less(source: SourceModel, references: References, best: Attempt) -> list[Fewer]:
    equal = _equal(source, references, best)
    multiples = _multiples(source, best)
    found = [Fewer(equal=equal)] if equal else []
    return [*found, Fewer(equal=equal, multiples=multiples)] if multiples else found


def _within(best: Attempt) -> Fewer:
    """The ranges in which the model takes the same way."""
    return Fewer(ends={axis: (each.min, each.max) for each in best.limits for axis in each.axes})


def _equal(source: SourceModel, references: References, best: Attempt) -> tuple[Axes, ...]:
    """Axes of one size and position that the model lets differ, if one of them is pinned."""
    alone = {axes[0] for each in references.ranges if len(axes := each.axes) == 1}
    found: list[Axes] = []
    for group in axis_groups(source):
        for position in sorted({axis for _, axis in group}):
            axes = tuple(sorted(each for each in group if each[1] == position and each in alone))
            if len(axes) > 1 and set(axes) & best.pinned and not set(axes) & source.dynamic.keys():
                found.append(axes)
    return tuple(found)


def _multiples(source: SourceModel, best: Attempt) -> dict[tuple[int, int], int]:
    """The multiples to try of each pinned axis: a power of two that divides its size."""
    found = {}
    for index, axis in best.pinned - source.dynamic.keys():
        size = source.inputs[index].shape[axis]
        multiple = min(size & -size, _MULTIPLE)
        multiple = multiple // 2 if multiple == size else multiple
        if multiple >= _LEAST:
            found[index, axis] = multiple
    return found
