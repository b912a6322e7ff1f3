"""Probes: the inputs on which a captured model must agree with the eager model.

A probe is evidence only if a wrong model would fail it. So the probes vary seeds, signs, magnitudes and sizes.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch

from edgekit.format.generator import generate
from edgekit.format.schema import GoldenInput
from edgekit.sources.inputs import InputSpec
from edgekit.sources.source import SourceModel, input_seed

Axes = tuple[tuple[int, int], ...]  # (input, axis) pairs
Bounds = Callable[[InputSpec], tuple[float, float]]


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


def value_probes(source: SourceModel) -> Iterator[Probe]:
    """Probes with the shape of the example."""
    for seed in (1, 2):
        yield _generated(source, f"seed {seed}", seed, lambda spec: (spec.low, spec.high))
    if any(spec.sample is not None for spec in source.inputs):
        arrays = (spec.sample if spec.sample is not None else spec.generate(1) for spec in source.inputs)
        yield Probe(name="the given sample", inputs=tuple(torch.from_numpy(np.array(array)) for array in arrays))
    if any(spec.dtype.startswith("float") for spec in source.inputs):
        yield _generated(source, "zeros", 1, lambda _: (0.0, 0.0), only_floats=True)
        yield _generated(source, "positive", 3, lambda spec: (0.0, _reach(spec)), only_floats=True)
        yield _generated(source, "negated", 3, lambda spec: (-_reach(spec), 0.0), only_floats=True)
        yield _generated(source, "large", 4, _symmetric(10), only_floats=True)
    if any(not spec.dtype.startswith("float") for spec in source.inputs):
        yield _generated(source, "lowest", 1, lambda spec: (spec.low, spec.low), only_integers=True)
        yield _generated(source, "highest", 1, lambda spec: (spec.high, spec.high), only_integers=True)


def wider_probes(source: SourceModel) -> Iterator[Probe]:
    """More seeds and magnitudes, for a model that gave the same answer on every other probe."""
    for factor, seed in ((1, 11), (0.125, 12), (16, 13)) if source.inputs else ():
        yield _generated(source, f"seed {seed} x {factor:g}", seed, _symmetric(factor), only_floats=True)


def _symmetric(factor: float) -> Bounds:
    return lambda spec: (-_reach(spec) * factor, _reach(spec) * factor)


def _reach(spec: InputSpec) -> float:
    return float(min(max(abs(spec.low), abs(spec.high), 2.0**-10), 1024.0))


def _generated(
    source: SourceModel, name: str, seed: int, bounds: Bounds, only_floats: bool = False, only_integers: bool = False
) -> Probe:
    goldens = []
    for index, spec in enumerate(source.inputs):
        is_float = spec.dtype.startswith("float")
        keep = (only_floats and not is_float) or (only_integers and is_float)
        low, high = (spec.low, spec.high) if keep else bounds(spec)
        golden = spec.golden(input_seed(seed, index))
        goldens.append(
            GoldenInput(name=golden.name, dtype=golden.dtype, shape=golden.shape, seed=golden.seed, low=low, high=high)
        )
    inside = all(spec.low <= g.low <= g.high <= spec.high for spec, g in zip(source.inputs, goldens, strict=True))
    constant = all(g.low == g.high for g in goldens)
    return replace(from_golden(name, tuple(goldens)), stress=constant or not inside)


def from_golden(name: str, goldens: tuple[GoldenInput, ...], axes: Axes = ()) -> Probe:
    """A probe of generated inputs."""
    return Probe(name=name, inputs=tuple(torch.from_numpy(generate(g)) for g in goldens), axes=axes, golden=goldens)


def resized(source: SourceModel, group: list[tuple[int, int]]) -> Probe:
    """A probe in which the axes of a group have other sizes."""
    sizes = _grown(source, group)
    goldens = []
    for index, spec in enumerate(source.inputs):
        shape = tuple(sizes.get((index, axis), size) for axis, size in enumerate(spec.shape))
        goldens.append(spec.golden(input_seed(5, index), shape))
    shapes = ", ".join(f"{g.name} {'x'.join(map(str, g.shape))}" for g in goldens)
    return from_golden(f"size {shapes}", tuple(goldens), tuple(sorted(sizes)))


def axis_groups(source: SourceModel) -> list[list[tuple[int, int]]]:
    """Groups of axes that probably change together: the two spatial axes of an image, and all other axes of equal size."""
    groups: dict[object, list[tuple[int, int]]] = {}
    for index, spec in enumerate(source.inputs):
        image = len(spec.shape) == 4 and spec.dtype.startswith("float")
        for axis, size in enumerate(spec.shape):
            if image and axis == 1:
                continue  # some models accept surplus channels and ignore them; a package must refuse them
            key = (index, "spatial") if image and axis >= 2 else size
            groups.setdefault(key, []).append((index, axis))
    return list(groups.values())


def _grown(source: SourceModel, group: list[tuple[int, int]]) -> dict[tuple[int, int], int]:
    """Larger sizes for a group. The two axes of an image get different sizes, so that a swap of them is detected."""
    spatial = len(group) == 2 and group[0][0] == group[1][0] and len(source.inputs[group[0][0]].shape) == 4
    sizes = {}
    for position, (index, axis) in enumerate(group):
        size = source.inputs[index].shape[axis]
        step = 32 if size >= 32 else 1
        sizes[index, axis] = size + step * (2 if spatial and position == 1 else 1)
    return sizes
