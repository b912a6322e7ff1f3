"""The engine for which a quantized model was packed. A copy or a loaded file is packed for torch's current engine."""

import logging
import math
import re

import numpy as np
import torch
from torch import nn

from edgekit.engines import held_engine, needs_engine, supported_engines
from edgekit.nested import Array, named_arrays
from edgekit.sources.copies import detached_copy
from edgekit.sources.source import SourceModel

_log = logging.getLogger(__name__)

_ORDER = ("x86", "fbgemm", "qnnpack", "onednn")  # among engines with the same answers


def engine_of(source: SourceModel, requested: str | None = None) -> str | None:
    """The engine with which a copy gives the model's own answers, torch's current one first; None without quantized weights.

    Args:
        source: the model, as it was packed.
        requested: an engine to use instead. If its answers differ from the model's own, that is said.
    """
    if not is_quantized(source.module):
        return requested
    wanted = _answer(source, source.module)
    if wanted is None:  # the model refuses its example, which the references report
        return requested or torch.backends.quantized.engine
    if requested is not None:
        error = _difference(wanted, _repacked(source, requested))
        if error > 0.0:
            _log.warning(
                "%s: with the engine %s its answers differ by %.2g from those of the model as it was packed",
                source.name,
                requested,
                error,
            )
        return requested
    available = (engine for engine in _ORDER if engine in supported_engines())
    engines = dict.fromkeys((torch.backends.quantized.engine, *available))
    return min(engines, key=lambda engine: _difference(wanted, _repacked(source, engine)))


def is_quantized(module: nn.Module) -> bool:
    """Whether a module has packed weights or quantized tensors, or its graph has operators on them."""
    if isinstance(module, torch.jit.ScriptModule):
        return needs_engine(re.findall(r"[a-z]+::quantized_\w+|quantized::\w+", str(module.inlined_graph)))
    attributes = (value for child in module.modules() for value in vars(child).values())
    tensors = (value for value in module.state_dict().values() if isinstance(value, torch.Tensor))
    return any(isinstance(value, torch.ScriptObject) for value in attributes) or any(t.is_quantized for t in tensors)


def _repacked(source: SourceModel, engine: str) -> dict[str, Array] | None:
    with held_engine(engine):
        return _answer(source, detached_copy(source.module))


def _answer(source: SourceModel, module: nn.Module) -> dict[str, Array] | None:
    """The answers to the example and to generated inputs; None if the module refuses one."""
    try:
        with torch.no_grad():
            return {
                f"{name} {seed}": value
                for seed in (None, 1, 2, 3)
                for name, value in named_arrays(module(*source.example(seed))).items()
            }
    except Exception:
        return None


def _difference(wanted: dict[str, Array], found: dict[str, Array] | None) -> float:
    """The largest difference of an element, relative to the largest element of its output."""
    if found is None or found.keys() != wanted.keys():
        return math.inf
    errors = [0.0]
    for name, value in wanted.items():
        a, b = value.astype(np.float64), found[name].astype(np.float64)
        if a.shape != b.shape:
            return math.inf
        scale = float(np.abs(a).max(initial=0.0)) or 1.0
        errors.append(float(np.abs(a - b).max(initial=0.0)) / scale)
    return max(error if error == error else math.inf for error in errors)
