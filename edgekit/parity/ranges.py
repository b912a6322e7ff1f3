"""The sizes of axes that were proved, and how failures narrow them.

Together the ranges of a model are a box: each size in it was claimed because probes at its ends and inside agreed.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from edgekit.errors import ParityError
from edgekit.format.axes import AxisRange
from edgekit.parity.probes import Axes, Probe
from edgekit.sources.facts import SourceFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeRange:
    """Axes that have one size in each run, the size of the example, and the proved sizes: multiples from `min` to `max`."""

    axes: Axes
    size: int
    min: int
    max: int
    multiple: int = 1

    def at(self, probe: Probe) -> int:
        index, axis = self.axes[0]
        return probe.inputs[index].shape[axis]

    def takes(self, probe: Probe) -> bool:
        size = self.at(probe)
        is_equal = all(probe.inputs[index].shape[axis] == size for index, axis in self.axes)
        return is_equal and self.min <= size <= self.max and size % self.multiple == 0


Ranges = tuple[SizeRange, ...]


def inside(ranges: Ranges, probe: Probe) -> bool:
    """Whether every size of a probe is the example's, or within its range."""
    free = {axis for each in ranges for axis in each.axes}
    return free.issuperset(probe.axes) and all(each.takes(probe) for each in ranges)


def narrowed(ranges: Ranges, good: Collection[Probe], bad: Collection[Probe]) -> Ranges:
    """The ranges without the sizes of `bad`. They end at sizes of `good`; a range of the example's size alone is left out."""
    while (wrong := next((p for p in bad if p.axes and inside(ranges, p)), None)) is not None:
        options = [_without(ranges, each, wrong, good) for each in ranges if each.at(wrong) != each.size]
        ranges = max(options, key=lambda option: sum(inside(option, probe) for probe in good))
    return _supported(ranges, good)


def axis_ranges(ranges: Ranges) -> dict[tuple[int, int], AxisRange]:
    """The range of each axis as the manifest has it. Axes that must be equal get a symbol."""
    found: dict[tuple[int, int], AxisRange] = {}
    names: list[str] = []
    for each in ranges:
        symbol = None
        if len(each.axes) > 1:
            is_batch = all(axis == 0 for _, axis in each.axes) and "batch" not in names
            names.append("batch" if is_batch else f"s{sum(name != 'batch' for name in names)}")
            symbol = names[-1]
        proved = AxisRange(min=each.min, max=each.max, multiple=each.multiple, symbol=symbol)
        found |= dict.fromkeys(each.axes, proved)
    return found


def check_requested(source: SourceFacts, ranges: Ranges, failures: Sequence[tuple[Probe, str]], problem: str) -> None:
    """Refuses ranges that lack a size that the user asked for.

    Args:
        failures: probes of other sizes that failed, and why.
        problem: what the model does at such a size, for example "resnet18 refuses".

    Raises:
        ParityError: the message names the failed size that is next to the example's.
    """
    for (index, axis), wanted in source.dynamic.items():
        spec = source.inputs[index]
        size = spec.shape[axis]
        alone = SizeRange(axes=((index, axis),), size=size, min=size, max=size)
        have = next((each for each in ranges if (index, axis) in each.axes), alone)
        if (have.min, have.max) == (wanted.min, wanted.max) and wanted.multiple % have.multiple == 0:
            continue
        failed = [(p.inputs[index].shape[axis], p.name, why) for p, why in failures if (index, axis) in p.axes]
        near = sorted((abs(at - size), at, name, why) for at, name, why in failed if at in wanted)
        what = f"the size {near[0][1]}" if near else "other sizes"
        why = f" ({near[0][2]}: {near[0][3]})" if near else ""
        step = "" if have.multiple == 1 else f"/{have.multiple}"
        raise ParityError(
            f"{problem} {what} of axis {axis} of {spec.name}{why}, but --dynamic asks for {spec.name}:{axis}="
            f"{wanted.min}-{wanted.max}. Ask for sizes that can be proved, here {spec.name}:{axis}={have.min}-{have.max}{step}."
        )


def _without(ranges: Ranges, cut: SizeRange, wrong: Probe, good: Collection[Probe]) -> Ranges:
    """The ranges with one of them cut so that it ends at a good size before a wrong one."""
    limit = cut.at(wrong)
    sizes = [cut.at(probe) for probe in good if inside(ranges, probe)]
    if limit > cut.size:
        new = replace(cut, max=max((s for s in sizes if cut.size <= s < limit), default=cut.size))
    else:
        new = replace(cut, min=min((s for s in sizes if limit < s <= cut.size), default=cut.size))
    return _with(ranges, cut, new)


def _supported(ranges: Ranges, good: Collection[Probe]) -> Ranges:
    """The ranges as far as there is a good probe inside them for each end."""
    for each in ranges:
        sizes = [each.size, *(each.at(probe) for probe in good if inside(ranges, probe))]
        new = replace(each, min=min(sizes), max=max(sizes))
        if new != each or new.min == new.max:
            return _supported(_with(ranges, each, new), good)
    return ranges


def _with(ranges: Sequence[SizeRange], old: SizeRange, new: SizeRange) -> Ranges:
    kept = (new if each is old else each for each in ranges)
    return tuple(each for each in kept if each.min < each.max)
