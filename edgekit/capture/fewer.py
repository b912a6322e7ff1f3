"""More attempts at a capture that is right only for the example's sizes: with equal axes, then with multiples.

A model may take inputs of different lengths that nobody passes, and pad a size to a multiple by Python numbers. A trace is right
at fewer sizes: where the lengths are equal, and at multiples.
"""

from collections.abc import Iterator, Sequence

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
    usable = [each for each in tried if each.only_sizes and each.pinned]
    if not usable:
        return
    best = min(usable, key=lambda each: len(each.pinned))
    equal = _equal(source, references, best)
    multiples = _multiples(source, best)
    limits = [Fewer(equal=equal)] if equal else []
    limits += [Fewer(equal=equal, multiples=multiples)] if multiples else []
    for fewer in limits:
        again = at_fewer_sizes(source, references, fewer)
        yield attempt(source, again, best.mode, tolerance, tried[0].warnings, own=True)


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
