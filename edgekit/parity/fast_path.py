"""The difference between the eager model with torch's fused transformer path and without it, as packages compute."""

import contextlib
import logging
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import nn

from edgekit.format.compare import Comparison, compare_outputs
from edgekit.format.schema import Tolerance
from edgekit.nested import named_arrays
from edgekit.parity.comparison import Reference, rounded
from edgekit.parity.eager import run
from edgekit.parity.probes import Probe
from edgekit.sources.copies import detached_copy
from edgekit.sources.source import SourceModel

_log = logging.getLogger(__name__)

_FUSED = {kind.__name__ for kind in (nn.TransformerEncoder, nn.TransformerEncoderLayer, nn.MultiheadAttention)}
_WHOLE = 1.0  # the error if an answer has another shape, or is finite on one side alone


def fast_path_error(source: SourceModel, references: Sequence[Reference], tolerance: Tolerance) -> float | None:
    """The largest relative difference, if it is beyond the bound on some probe; that is also said.

    Returns:
        None if both agree, or if the model has no layer with a fused path.
    """
    if not _has_fused_layers(source.module) or not torch.backends.mha.get_fastpath_enabled():
        return None
    module = detached_copy(source.module)
    found: list[tuple[float, Reference, Comparison]] = []
    for reference in (*references, *_padded(module, references[0])):
        with torch.no_grad():
            try:
                fused = named_arrays(module(*(tensor.clone() for tensor in reference.probe.inputs)))
            except Exception as refusal:  # the fused path refuses masks that the layers take
                _log.info("%s: the fused path refuses probe %r: %s", source.name, reference.probe.name, refusal)
                continue
        compared = compare_outputs(reference.outputs, fused, tolerance)
        found += [(_error(comparison), reference, comparison) for comparison in compared if not comparison.passed]
    if not found:
        return None
    error, reference, worst = max(found, key=lambda item: item[0])
    where = f"{worst.output}{list(worst.worst_index) if worst.worst_index is not None else ''}"
    _log.warning(
        "%s: with torch's fused transformer path, the model itself gives other answers than without it: output %s differs by "
        "%.1e on probe %r (%s with it, %s without, bound %g). The package has the answers without it. Often only padded "
        "positions differ, where the fused path returns zeros; torch.backends.mha.set_fastpath_enabled(False) shows it",
        source.name,
        where,
        error,
        reference.probe.name,
        worst.actual,
        worst.expected,
        tolerance.norm,
    )
    return rounded(error)


def _padded(module: nn.Module, first: Reference) -> Iterator[Reference]:
    """The answers to batches with padding at the end, as in use. Masks drawn at random do not start the fused path."""
    whole = [
        i for i, x in enumerate(first.probe.inputs) if not x.is_floating_point() and x.dim() > 1 and x.shape[-1] > 1
    ]
    masks = [i for i in whole if first.probe.inputs[i].dtype == torch.bool or first.probe.inputs[i].max() == 1]
    for end in (0, 1) if masks else (0,) if whole else ():
        inputs = list(first.probe.inputs)
        for index in masks or whole:
            inputs[index] = padded = inputs[index].clone()
            half = padded.shape[-1] // 2
            padded[..., half:] = end
            padded[..., :half] = 1 - end if masks else padded[..., :half].clamp(min=1)  # 0 is the padding of token ids
        probe = Probe(name=f"seed 1, the end of {'masks' if masks else 'integers'} is {end}", inputs=tuple(inputs))
        with contextlib.suppress(Exception):  # the model may refuse such a mask
            structure, outputs = run(module, probe)
            yield Reference(probe=probe, structure=structure, outputs=outputs)


def _has_fused_layers(module: nn.Module) -> bool:
    """Whether a module, scripted or not, has a layer with a fused path."""
    kinds = {kind.__name__ for child in module.modules() for kind in type(child).__mro__}
    scripted = {getattr(child, "original_name", "") for child in module.modules()}
    return bool(_FUSED & (kinds | scripted))


def _error(comparison: Comparison) -> float:
    errors = [value for value in (comparison.norm_error, comparison.max_error) if value is not None]
    return max(errors) if errors and np.isfinite(errors).all() else _WHOLE
