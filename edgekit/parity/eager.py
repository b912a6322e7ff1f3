"""The eager model's answers, which everything later is compared with."""

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

from edgekit.errors import CaptureError, SourceError, first_line
from edgekit.format.compare import Comparison, compare_outputs
from edgekit.format.schema import Tolerance
from edgekit.nested import named_arrays, structure_of
from edgekit.parity.probes import Probe, axis_groups, resized, value_probes, wider_probes
from edgekit.sources.source import SourceModel

Array = npt.NDArray[np.generic]

_STRESS = 100.0

_log = logging.getLogger(__name__)


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


def judges_rounding(reference: Reference) -> bool:
    """Whether a pass is judged on this answer: where eager itself overflows, another order of sums may overflow elsewhere."""
    finite = all(value.dtype.kind != "f" or np.isfinite(value).all() for value in reference.outputs.values())
    return finite or not reference.probe.stress


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
    for group in axis_groups(source):
        if not _try(module, resized(source, group), items, refused, source) and len(group) > 1:
            for member in group:
                _try(module, resized(source, [member]), items, refused, source)
    varies = _varies(items) or any(
        _try(module, probe, items, refused, source) and _varies(items) for probe in wider_probes(source)
    )
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
