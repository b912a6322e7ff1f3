"""Probes: the inputs on which a captured model must agree with the eager one.

A probe is evidence only where it could have shown a difference, so they take other seeds, signs, magnitudes and sizes,
and `prove` reports outputs that never change.
"""

import copy
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from edgekit.compare import Comparison, compare_outputs
from edgekit.errors import CaptureError, SourceError, first_line
from edgekit.generator import generate
from edgekit.inputs import InputSpec
from edgekit.nested import named_arrays, structure_of
from edgekit.source import SourceModel, input_seed
from edgekit.spec import GoldenInput, Tolerance

Array = npt.NDArray[np.generic]
Axes = tuple[tuple[int, int], ...]  # (input, axis) pairs

_STRESS = 100.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """Inputs to try; `axes` are those whose size differs from the example's; `golden` makes them again, where it can.

    `stress` marks values beyond the declared range and constant inputs, on which sums cancel: see `rounding_bounds`.
    """

    name: str
    inputs: tuple[torch.Tensor, ...]
    axes: Axes = ()
    golden: tuple[GoldenInput, ...] | None = None
    stress: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """The eager model's answer to a probe."""

    probe: Probe
    structure: str
    outputs: dict[str, Array]


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """The answers to all probes; `refused` names probes that the eager model itself does not take, with its reason."""

    items: tuple[Reference, ...]
    refused: tuple[tuple[str, str], ...]
    varies: bool


@contextmanager
def exact_eager() -> Iterator[None]:
    """No gradients, and no fused transformer operators, which would hide the linears from XNNPACK."""
    fastpath = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.no_grad():
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fastpath)


def detached_copy(module: nn.Module) -> nn.Module:
    """A deep copy that shares the parameters, which inference does not change, and owns its buffers, which it may."""
    memo: dict[int, Any] = {id(parameter): parameter for parameter in module.parameters()}
    try:
        return copy.deepcopy(module, memo)
    except Exception as error:
        raise CaptureError(
            f"{type(module).__name__} cannot be deep-copied, which keeps capture from changing it: {error}. "
            "Remove open files, locks or tensors with gradients from its attributes."
        ) from error


def rounding_bounds(probe: Probe, tolerance: Tolerance) -> Tolerance:
    """The bounds for a module whose sums may run in another order than the eager model's.

    On stress probes rounding can exceed the tolerance in a right module; a wrong one exceeds the wider bounds too.
    """
    if not probe.stress:
        return tolerance
    return replace(
        tolerance,
        norm=_STRESS * tolerance.norm,
        max=_STRESS * tolerance.max,
        absolute=_STRESS * tolerance.absolute,
    )


def run(module: Any, probe: Probe) -> tuple[str, dict[str, Array]]:
    """The structure and named outputs of a module on a copy of a probe's inputs."""
    with exact_eager():
        value = module(*(tensor.clone() for tensor in probe.inputs))
    return structure_of(value), named_arrays(value)


def compare(reference: Reference, module: Any, tolerance: Tolerance) -> tuple[Comparison, ...]:
    """Compares a module with the eager answer; an exception of the module is a verdict too."""
    try:
        structure, outputs = run(module, reference.probe)
    except Exception as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        return (Comparison(output="*", passed=False, reason="error", expected="outputs", actual=reason[-1]),)
    if structure != reference.structure:
        wanted = reference.structure
        return (Comparison(output="*", passed=False, reason="structure", expected=wanted, actual=structure),)
    return compare_outputs(reference.outputs, outputs, tolerance)


def worst(comparisons: Sequence[Comparison]) -> Comparison:
    """The first failed comparison, or else the one with the largest error."""
    return max(comparisons, key=lambda c: (not c.passed, c.max_error or 0.0))


def value_probes(source: SourceModel) -> Iterator[Probe]:
    """Probes of the example's own shape."""
    for seed in (1, 2):
        yield _generated(source, f"seed {seed}", seed, lambda spec: (spec.low, spec.high))
    if any(spec.sample is not None for spec in source.inputs):
        arrays = (spec.sample if spec.sample is not None else spec.generate(1) for spec in source.inputs)
        yield Probe(name="the given sample", inputs=tuple(torch.from_numpy(np.array(array)) for array in arrays))
    if any(spec.dtype.startswith("float") for spec in source.inputs):
        yield _generated(source, "zeros", 1, lambda _: (0.0, 0.0), only_floats=True)
        yield _generated(source, "positive", 3, lambda spec: (0.0, _reach(spec)), only_floats=True)
        yield _generated(source, "negated", 3, lambda spec: (-_reach(spec), 0.0), only_floats=True)
        yield _generated(source, "large", 4, lambda spec: (-10 * _reach(spec), 10 * _reach(spec)), only_floats=True)
    if any(not spec.dtype.startswith("float") for spec in source.inputs):
        yield _generated(source, "lowest", 1, lambda spec: (spec.low, spec.low), only_integers=True)
        yield _generated(source, "highest", 1, lambda spec: (spec.high, spec.high), only_integers=True)


def _reach(spec: InputSpec) -> float:
    return float(min(max(abs(spec.low), abs(spec.high), 2.0**-10), 1024.0))


def _generated(
    source: SourceModel, name: str, seed: int, bounds: Any, only_floats: bool = False, only_integers: bool = False
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


def _resized(source: SourceModel, sizes: dict[tuple[int, int], int]) -> Probe:
    goldens = []
    for index, spec in enumerate(source.inputs):
        shape = tuple(sizes.get((index, axis), size) for axis, size in enumerate(spec.shape))
        goldens.append(spec.golden(input_seed(5, index), shape))
    told = ", ".join(f"{g.name} {'x'.join(map(str, g.shape))}" for g in goldens)
    return from_golden(f"size {told}", tuple(goldens), tuple(sorted(sizes)))


def _axis_groups(source: SourceModel) -> list[list[tuple[int, int]]]:
    """Axes that probably belong together: the two spatial ones of an image, and elsewhere all of equal size."""
    groups: dict[object, list[tuple[int, int]]] = {}
    for index, spec in enumerate(source.inputs):
        image = len(spec.shape) == 4 and spec.dtype.startswith("float")
        for axis, size in enumerate(spec.shape):
            if image and axis == 1:
                continue  # some models take surplus channels and ignore them; a package must not
            key = (index, "spatial") if image and axis >= 2 else size
            groups.setdefault(key, []).append((index, axis))
    return list(groups.values())


def _grown(source: SourceModel, group: list[tuple[int, int]]) -> dict[tuple[int, int], int]:
    """Other sizes for a group; the two axes of an image grow differently, or a swap of them would not show."""
    spatial = len(group) == 2 and group[0][0] == group[1][0] and len(source.inputs[group[0][0]].shape) == 4
    sizes = {}
    for position, (index, axis) in enumerate(group):
        size = source.inputs[index].shape[axis]
        step = 32 if size >= 32 else 1
        sizes[index, axis] = size + step * (2 if spatial and position == 1 else 1)
    return sizes


def eager_references(source: SourceModel) -> References:
    """Runs the eager model on every probe.

    Raises:
        SourceError: the model refuses its own example, or answers it with NaN or infinity.
        CaptureError: the same input twice gives two answers.
    """
    module = detached_copy(source.module)
    items: list[Reference] = []
    refused: list[tuple[str, str]] = []
    for probe in value_probes(source):
        _try(module, probe, items, refused, source)
    _check_repeats(source, module, items[0])
    for group in _axis_groups(source):
        if not _try(module, _resized(source, _grown(source, group)), items, refused, source) and len(group) > 1:
            for member in group:
                _try(module, _resized(source, _grown(source, [member])), items, refused, source)
    varies = _varies(items)
    if not varies and source.inputs:
        varies = _search_variation(module, source, items, refused)
    return References(items=tuple(items), refused=tuple(refused), varies=varies)


def _try(
    module: nn.Module, probe: Probe, items: list[Reference], refused: list[tuple[str, str]], source: SourceModel
) -> bool:
    try:
        structure, outputs = run(module, probe)
    except (CaptureError, MemoryError):
        raise
    except Exception as error:
        message = first_line(error)
        if not items:
            shapes = ", ".join(f"{spec.name} {spec.dtype} {list(spec.shape)}" for spec in source.inputs) or "no inputs"
            raise SourceError(
                f"{source.source} refuses {shapes}: {type(error).__name__}: {message} Give the shape, dtype and range that it "
                "expects with --input."
            ) from error
        refused.append((probe.name, message))
        return False
    if not items:
        _check_finite(source, probe, outputs)
    items.append(Reference(probe=probe, structure=structure, outputs=outputs))
    return True


def _check_finite(source: SourceModel, probe: Probe, outputs: dict[str, Array]) -> None:
    for name, value in outputs.items():
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            bad = int(np.count_nonzero(~np.isfinite(value)))
            raise SourceError(
                f"{source.source}: output {name} has {bad} of {value.size} elements NaN or infinite on probe {probe.name!r}. "
                "Check the weights, and the range of the input (--input SHAPE:float32[LOW,HIGH])."
            )


def _check_repeats(source: SourceModel, module: nn.Module, first: Reference) -> None:
    """The same probe again, on the used copy and on a fresh one."""
    exact = Tolerance()
    if all(c.passed for c in compare(first, module, exact)):
        return
    fresh = all(c.passed for c in compare(first, detached_copy(source.module), exact))
    why = "keeps state between calls" if fresh else "is random in eval mode"
    remedy = (
        "take the state as an input and return it as an output"
        if fresh
        else "draw the random numbers outside the model"
    )
    raise CaptureError(
        f"{source.source} {why}: probe {first.probe.name!r} twice gives two answers, so no package of it could be verified. "
        f"Let the model {remedy}."
    )


def _varies(items: Sequence[Reference]) -> bool:
    """Whether any two probes of the same output shapes have different outputs."""
    first = items[0].outputs
    return any(
        not np.array_equal(value, other.outputs[name], equal_nan=value.dtype.kind == "f")
        for other in items[1:]
        if not other.probe.axes
        for name, value in first.items()
        if name in other.outputs
    )


def _search_variation(
    module: nn.Module, source: SourceModel, items: list[Reference], refused: list[tuple[str, str]]
) -> bool:
    """More seeds and magnitudes, for a model whose answer never changed."""
    for factor, seed in ((1, 11), (0.125, 12), (16, 13)):
        probe = _generated(
            source,
            f"seed {seed} x {factor:g}",
            seed,
            lambda s, f=factor: (-_reach(s) * f, _reach(s) * f),
            only_floats=True,
        )
        if _try(module, probe, items, refused, source) and _varies(items):
            return True
    return False
