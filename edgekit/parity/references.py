"""The eager model's answers to the probes. All later stages are compared with them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from torch import nn

from edgekit.errors import CaptureError, SourceError, first_line
from edgekit.format.schema import Tolerance
from edgekit.parity.causes import random_calls, random_remedy, remedy_of
from edgekit.parity.comparison import Reference, compare
from edgekit.parity.eager import Array, FreshModel, run
from edgekit.parity.kernels import InFloat64
from edgekit.parity.layers import record_eager
from edgekit.parity.moves import Answer
from edgekit.parity.noise import NoiseMeter, measure
from edgekit.parity.probes import (
    Probe,
    at_highest,
    held_probes,
    kept,
    moved_samples,
    resized,
    stretched,
    value_probes,
    wider_probes,
)
from edgekit.parity.ranges import Ranges
from edgekit.parity.sizes import Fewer, search_sizes
from edgekit.parity.spread import LEAST, spreads
from edgekit.parity.work import counted_work
from edgekit.recording import Recording
from edgekit.sources.copies import detached_copy
from edgekit.sources.hidden import HIDDEN_REMEDY, stays_in_training, switched_to_training
from edgekit.sources.quantized import refused_empty
from edgekit.sources.samples import sample_bytes
from edgekit.sources.source import SourceModel

_HEAVY, _HEAVY_CASES = 3e10, 2  # multiply-adds of a run, and how many draws of such a model are golden cases


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """The answers to all probes. `refused` has the name of each probe that the eager model refuses, and the reason.

    `ranges` are the sizes that the eager model takes, and `sizes` are its answers at their ends and inside them. `varies` means
    that at least two probes have different answers. `work` are the multiply-adds of one run on the example.
    """

    items: tuple[Reference, ...]
    sizes: tuple[Reference, ...]
    refused: tuple[tuple[str, str], ...]
    ranges: Ranges
    varies: bool
    work: float

    @property
    def most_cases(self) -> int | None:
        """How many draws become golden cases: two of a heavy model, for which each costs several runs, and one on each device."""
        return _HEAVY_CASES if self.work > _HEAVY else None


def eager_references(source: SourceModel) -> References:
    """Runs the eager model on every probe.

    Raises:
        SourceError: the model refuses the example input, or returns NaN or infinity for it.
        CaptureError: two runs on the same input give different answers.
    """
    module = detached_copy(source.module)
    fresh = FreshModel(source.module)
    exact = InFloat64()
    meter = NoiseMeter(lambda probe, answer: measure(fresh.module, probe, answer, exact))
    items: list[Reference] = []
    refused: list[tuple[str, str]] = []
    for probe in value_probes(source):
        _try(module, probe, items, refused, source)
    with counted_work(module, items[0].probe.inputs) as work:
        _check_repeats(source, module, items[0])
    if source.sampled:
        _add_draws(module, items, refused, source)
    search = search_sizes(source, _answers(fresh, source, items), work.multiply_adds)
    items += [search.judging] if search.judging else []
    if not any(reference.outputs for reference in items):
        raise CaptureError(f"{source.source} returns no tensor on any probe. Return at least one tensor.")
    if min(spreads(items, Tolerance()).values()) < LEAST:
        for probe in wider_probes(source):
            _try(module, probe, items, refused, source)

    def recorder(probe: Probe) -> Recording:
        return record_eager(fresh.module, probe.inputs)

    return References(
        items=tuple(replace(reference, meter=meter, recorder=recorder) for reference in items),
        sizes=tuple(replace(reference, meter=meter, recorder=recorder) for reference in search.points),
        refused=tuple(refused),
        ranges=search.ranges,
        varies=_varies(items),
        work=work.multiply_adds,
    )


def at_fewer_sizes(source: SourceModel, references: References, fewer: Fewer) -> References:
    """The same answers to the probes of the example's shape, and a search of sizes with limits."""
    fresh = FreshModel(source.module)
    items = [reference for reference in references.items if not reference.probe.axes]
    search = search_sizes(source, _answers(fresh, source, items), references.work, fewer)
    meter, recorder = items[0].meter, items[0].recorder
    items += [replace(search.judging, meter=meter, recorder=recorder)] if search.judging else []
    sizes = tuple(replace(reference, meter=meter, recorder=recorder) for reference in search.points)
    return replace(references, items=tuple(items), sizes=sizes, ranges=search.ranges)


def _answers(fresh: FreshModel, source: SourceModel, items: Sequence[Reference]) -> Answer:
    """Asks the eager model for other sizes. An answer counts if it has elements, and all are finite.

    Smaller sizes must be taken with the highest integers too: a length may be too large for them.
    """
    takes_highest = any(reference.probe.name == "highest" for reference in items)

    def ask(probe: Probe) -> Reference | str:
        found, refused = [items[0]], list[tuple[str, str]]()
        if not _try(fresh.module, probe, found, refused, source):
            return refused[0][1]
        if not _is_finite(found[1].outputs):
            return "the answer has NaN or infinite elements"
        has_elements = any(value.size for value in found[1].outputs.values())
        return found[1] if has_elements or not found[1].outputs else "the answer has no elements"

    def answer(sizes: Mapping[tuple[int, int], int]) -> Reference | str:
        probe = resized(source, sizes)
        found = ask(probe)
        is_smaller = any(size < source.inputs[index].shape[axis] for (index, axis), size in sizes.items())
        if not isinstance(found, str) and is_smaller and takes_highest:
            highest = ask(at_highest(probe))
            found = highest if isinstance(highest, str) else found
        if isinstance(found, str) and source.sampled:
            again = ask(stretched(source, sizes))
            return found if isinstance(again, str) else again
        return found

    return answer


def _try(
    module: nn.Module, probe: Probe, items: list[Reference], refused: list[tuple[str, str]], source: SourceModel
) -> bool:
    try:
        with refused_empty(module):
            structure, outputs = run(module, probe)
    except (CaptureError, MemoryError):
        raise
    except Exception as error:
        message = first_line(error)
        if not items:
            shapes = ", ".join(f"{spec.name} {spec.dtype} {list(spec.shape)}" for spec in source.inputs) or "no inputs"
            raise SourceError(
                f"{source.source} refuses {shapes}: {type(error).__name__}: {message.rstrip('. ')}. {remedy_of(error)}"
            ) from error
        refused.append((probe.name, message))
        return False
    if not items:
        _check_finite(source, probe, outputs)
    elif source.sampled and not _is_finite(outputs):
        refused.append((probe.name, "the answer has NaN or infinite elements"))
        return False
    items.append(Reference(probe=probe, structure=structure, outputs=outputs))
    return True


def _add_draws(module: nn.Module, items: list[Reference], refused: list[tuple[str, str]], source: SourceModel) -> None:
    """Adds draws with a constant input, then variants of the sample, if the model takes no other draw.

    Raises:
        SourceError: the model takes none of them, and the sample is not stored: the package would have no golden case.
    """
    if not any(_is_draw(reference.probe) and not reference.probe.stress for reference in items):
        for probe in held_probes(source):
            _try(module, probe, items, refused, source)
    if any(_is_draw(reference.probe) for reference in items):
        return
    if not source.keeps_sample:
        raise SourceError(
            f"{source.source} takes the given sample, but no generated input ({refused[-1][0]}: {refused[-1][1]}), so the "
            "package would have no golden case: the sample is only a probe. Pass a smaller sample, or a range in which the model "
            "takes every value with --input SHAPE:DTYPE[LOW,HIGH], or leave --no-golden-sample out."
        )
    for probe in moved_samples(source):
        _try(module, probe, items, refused, source)
    copies = source.sample_room // max(sample_bytes(source.inputs), 1)
    for index, reference in enumerate(items[1:copies], 1):
        items[index] = replace(reference, probe=kept(source, reference.probe))


def _is_draw(probe: Probe) -> bool:
    return probe.is_case and not probe.is_sample


def _check_finite(source: SourceModel, probe: Probe, outputs: dict[str, Array]) -> None:
    for name, value in outputs.items():
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            bad = int(np.count_nonzero(~np.isfinite(value)))
            raise SourceError(
                f"{source.source}: output {name} has {bad} of {value.size} elements NaN or infinite on probe {probe.name!r}. "
                "Check the weights, and the range of the input (--input SHAPE:float32[LOW,HIGH])."
            )


def _is_finite(outputs: dict[str, Array]) -> bool:
    return all(np.isfinite(value).all() for value in outputs.values() if value.dtype.kind == "f")


def _check_repeats(source: SourceModel, module: nn.Module, first: Reference) -> None:
    """Runs the first probe again, and a third time on a fresh copy to find the cause of a difference."""
    exact = Tolerance()
    if all(c.passed for c in compare(first, module, exact)):
        return
    fresh = all(c.passed for c in compare(first, detached_copy(source.module), exact))
    why = "keeps state between calls" if fresh else "is random in eval mode"
    remedy = (
        "take the state as an input and return it as an output."
        if fresh
        else random_remedy(random_calls(module, first.probe.inputs))
    )
    if switched := switched_to_training(module):
        remedy = (
            f"{', '.join(switched)} is in training mode after eval(), since forward or the module's own train() switches it. "
            "Remove that."
        )
    if training := stays_in_training(module):
        remedy = (
            f"{', '.join(training)} holds layers in a Python list or dict, which stay in training mode. {HIDDEN_REMEDY}"
        )
    raise CaptureError(
        f"{source.source} {why}: two runs on probe {first.probe.name!r} give different answers, so a package could not be "
        f"verified. Change the model: {remedy}"
    )


def _varies(items: Sequence[Reference]) -> bool:
    """Whether any probe of the example's shape has outputs that differ from those of the first probe."""
    first = items[0].outputs
    return any(
        not np.array_equal(value, other.outputs[name], equal_nan=value.dtype.kind == "f")
        for other in items[1:]
        if not other.probe.axes
        for name, value in first.items()
        if name in other.outputs
    )
