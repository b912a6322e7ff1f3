"""Probes: the inputs on which a captured model must agree with the eager model.

A probe is evidence only if a wrong model would fail it. So the probes vary seeds, signs, magnitudes and sizes.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch

from edgekit.format.generator import generate, hashes, stored
from edgekit.format.golden import GoldenInput
from edgekit.sources.detection import Detector
from edgekit.sources.inputs import InputSpec
from edgekit.sources.source import SourceModel, input_seed

Axes = tuple[tuple[int, int], ...]  # (input, axis) pairs
Group = list[tuple[int, int]]
Bounds = Callable[[InputSpec], tuple[float, float]]

_CASES = ("seed 1", "seed 2", "positive", "negated", "lowest", "highest")
_DRAWS, _PICTURES = 2, 4  # of a detector, of which some may be chaotic
_HELD = "seed 1, "  # the start of the names of draws in which one input is constant


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """Inputs for one comparison.

    `axes` are the axes whose size differs from the example. `golden` describes generated inputs, so that they can be made
    again. `stress` marks constant inputs and values beyond the declared range; the gate judges rounding on them less strictly.
    """

    name: str
    inputs: tuple[torch.Tensor, ...]
    axes: Axes = ()
    golden: tuple[GoldenInput, ...] | None = None
    stress: bool = False

    @property
    def is_case(self) -> bool:
        """Whether the eager model's answer becomes a golden case."""
        named = self.name in _CASES or self.name.startswith("seed ")
        return self.golden is not None and (named or bool(self.axes) or self.is_sample)

    @property
    def is_sample(self) -> bool:
        """Whether it holds the bytes of an array that the user gave."""
        return any(given.data is not None for given in self.golden or ())

    @property
    def elements(self) -> int:
        return sum(tensor.numel() for tensor in self.inputs)


def value_probes(source: SourceModel) -> Iterator[Probe]:
    """Probes with the shape of the example. If the user gave an array, it comes first, and variants of it follow.

    A detector gets pictures alone: on flat ones and numbers beyond them, rounding decides the boxes. They prove its heads.
    """
    if source.sampled:
        sample = Probe(name="the given sample", inputs=source.example())
        yield kept(source, sample) if source.keeps_sample else sample
        yield from _variants(source)
    is_detector = isinstance(source.module, Detector)
    for seed in range(1, 1 + (_PICTURES if is_detector else _DRAWS)):
        yield _generated(source, f"seed {seed}", seed, lambda spec: (spec.low, spec.high))
    if is_detector:
        return
    if any(_is_float(spec) for spec in source.inputs):
        yield _generated(source, "zeros", 1, lambda _: (0.0, 0.0), only_floats=True)
        yield _generated(source, "positive", 3, lambda spec: (0.0, _reach(spec)), only_floats=True)
        yield _generated(source, "negated", 3, lambda spec: (-_reach(spec), 0.0), only_floats=True)
        yield _generated(source, "large", 4, _symmetric(10), only_floats=True)
    if any(not _is_float(spec) for spec in source.inputs):
        yield _generated(source, "lowest", 1, lambda spec: (spec.low, spec.low), only_integers=True)
        yield _generated(source, "highest", 1, lambda spec: (spec.high, spec.high), only_integers=True)


def _variants(source: SourceModel) -> Iterator[Probe]:
    """The sample with the integers of one input in another order, with other inputs beside it, and with other floats."""
    sample, drawn = source.example(), source.example(seed=1)
    for index, spec in enumerate(source.inputs):
        if spec.sample is not None and not spec.dtype.startswith("float"):
            order = np.argsort(hashes(input_seed(1, index), spec.sample.size), kind="stable")
            permuted = sample[index].flatten()[torch.from_numpy(order)].reshape(sample[index].shape)
            yield Probe(name=f"permuted {spec.name}", inputs=(*sample[:index], permuted, *sample[index + 1 :]))
    if any(spec.sample is None for spec in source.inputs):
        others = zip(source.inputs, sample, source.example(seed=2), strict=True)
        beside = tuple(old if spec.sample is not None else new for spec, old, new in others)
        yield Probe(name="the given sample with other inputs beside it", inputs=beside)
    redrawn = tuple(new if new.is_floating_point() else old for old, new in zip(sample, drawn, strict=True))
    if any(new is not old for old, new in zip(sample, redrawn, strict=True)) and not all(map(_is_float, source.inputs)):
        yield Probe(name="the given sample with other floats", inputs=redrawn)


def moved_samples(source: SourceModel) -> Iterator[Probe]:
    """The sample with its floats halved, and moved a little, for a model that takes no draw of them."""
    sample, drawn = source.example(), source.example(seed=1)
    if any(tensor.is_floating_point() for tensor in sample):
        halved = (tensor / 2 if tensor.is_floating_point() else tensor for tensor in sample)
        yield Probe(name="the given sample halved", inputs=tuple(halved))
        near = (a + b / 64 if a.is_floating_point() else a for a, b in zip(sample, drawn, strict=True))
        yield Probe(name="the given sample moved", inputs=tuple(near))


def kept(source: SourceModel, probe: Probe) -> Probe:
    """The probe with the bytes of the inputs for which the user gave an array, so that its answer can be a golden case."""
    goldens = tuple(
        spec.golden(input_seed(1, index)) if spec.sample is None else stored(spec.name, tensor.numpy())
        for index, (spec, tensor) in enumerate(zip(source.inputs, probe.inputs, strict=True))
    )
    return from_golden(probe.name, goldens)


def held_probes(source: SourceModel) -> Iterator[Probe]:
    """Draws in which one integer input is constant, for a model that refuses each draw of the probes above."""
    for held in source.inputs:
        if held.sample is not None and not _is_float(held):
            for bound in ("highest", "lowest"):
                value = held.high if bound == "highest" else held.low
                bounds = _holding(held, value)
                yield _generated(source, f"{_HELD}{held.name} {bound}", 1, bounds)


def _holding(held: InputSpec, value: float) -> Bounds:
    return lambda spec: (value, value) if spec is held else (spec.low, spec.high)


def _is_float(spec: InputSpec) -> bool:
    return spec.dtype.startswith("float")


def wider_probes(source: SourceModel) -> Iterator[Probe]:
    """More seeds and magnitudes, for a model with an output that hardly differs on the other probes."""
    for factor, seed in ((1, 11), (0.125, 12), (16, 13)) if source.inputs else ():
        yield _generated(source, f"seed {seed} x {factor:g}", seed, _symmetric(factor), only_floats=True)


def _symmetric(factor: float) -> Bounds:
    return lambda spec: (-_reach(spec) * factor, _reach(spec) * factor)


def _reach(spec: InputSpec) -> float:
    return float(min(max(abs(spec.low), abs(spec.high), 2.0**-10), 1024.0))


def _generated(
    source: SourceModel, name: str, seed: int, bounds: Bounds, only_floats: bool = False, only_integers: bool = False
) -> Probe:
    goldens, ranges = [], []
    for index, spec in enumerate(source.inputs):
        is_float = _is_float(spec)
        keep = (only_floats and not is_float) or (only_integers and is_float)
        low, high = (spec.low, spec.high) if keep else bounds(spec)
        golden = spec.golden(input_seed(seed, index))
        ranges.append((low, high))
        goldens.append(
            GoldenInput(name=golden.name, dtype=golden.dtype, shape=golden.shape, seed=golden.seed, low=low, high=high)
        )
    inside = all(spec.low <= low <= high <= spec.high for spec, (low, high) in zip(source.inputs, ranges, strict=True))
    constant = all(low == high for low, high in ranges)
    return replace(from_golden(name, tuple(goldens)), stress=constant or not inside)


def from_golden(name: str, goldens: tuple[GoldenInput, ...], axes: Axes = ()) -> Probe:
    """A probe of generated inputs."""
    return Probe(name=name, inputs=tuple(torch.from_numpy(generate(g)) for g in goldens), axes=axes, golden=goldens)


def resized(source: SourceModel, sizes: Mapping[tuple[int, int], int]) -> Probe:
    """A probe in which some axes have other sizes than in the example."""
    pairs = enumerate(zip(source.inputs, _shapes(source, sizes), strict=True))
    goldens = tuple(spec.golden(input_seed(5, index), shape) for index, (spec, shape) in pairs)
    shapes = ", ".join(f"{g.name} {'x'.join(map(str, g.shape))}" for g in goldens)
    return from_golden(f"size {shapes}", goldens, tuple(sorted(sizes)))


def at_highest(probe: Probe) -> Probe:
    """A probe of generated inputs with the highest integers, for example with the greatest length."""
    goldens = (
        given if given.dtype.startswith("float") else replace(given, low=given.high) for given in probe.golden or ()
    )
    return from_golden(f"{probe.name}, highest", tuple(goldens), probe.axes)


def stretched(source: SourceModel, sizes: Mapping[tuple[int, int], int]) -> Probe:
    """The same for an array of the user, of which each axis is cut, or continued with its last elements."""
    probe = resized(source, sizes)
    inputs = list(probe.inputs)
    for index, spec in enumerate(source.inputs):
        if spec.sample is not None:
            shape = inputs[index].shape
            cut = np.array(spec.sample[tuple(map(slice, shape))])
            more = [(0, size - have) for size, have in zip(shape, cut.shape, strict=True)]
            inputs[index] = torch.from_numpy(np.pad(cut, more, mode="edge") if more else cut)  # a scalar has no axes
    return replace(probe, name=f"{probe.name} of the given sample", inputs=tuple(inputs), golden=None)


def _shapes(source: SourceModel, sizes: Mapping[tuple[int, int], int]) -> list[tuple[int, ...]]:
    return [
        tuple(sizes.get((index, axis), size) for axis, size in enumerate(spec.shape))
        for index, spec in enumerate(source.inputs)
    ]


def axis_groups(source: SourceModel) -> list[Group]:
    """The axes that may have other sizes, in groups of equal size, since such axes may have to change together."""
    groups: dict[int, Group] = {}
    for index, spec in enumerate(source.inputs):
        is_image = len(spec.shape) == 4 and spec.dtype.startswith("float")
        for axis, size in enumerate(spec.shape):
            if not (is_image and axis == 1):  # some models ignore surplus channels; a package must refuse them
                groups.setdefault(size, []).append((index, axis))
    return list(groups.values())
