"""The engine for which a quantized model was packed. A copy or a loaded file is packed for torch's current engine."""

import logging
import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.ao.nn.quantized.modules.conv import _ConvNd
from torch.ao.quantization.fake_quantize import FakeQuantizeBase
from torch.ao.quantization.observer import ObserverBase

from edgekit.engines import held_engine, needs_engine, supported_engines
from edgekit.errors import CaptureError, SourceError
from edgekit.nested import Array, named_arrays
from edgekit.sources.copies import detached_copy

_log = logging.getLogger(__name__)

Example = Callable[[int | None], tuple[torch.Tensor, ...]]

_SEEDS = (None, 1, 2, 3)  # None is the user's own example
_ORDER = ("x86", "fbgemm", "qnnpack", "onednn")  # among engines with the same answers


def engine_of(module: nn.Module, example: Example, name: str, requested: str | None = None) -> str | None:
    """The engine with which a copy gives the model's own answers, torch's current one first; None without quantized weights.

    Args:
        module: the model, as it was packed.
        example: gives inputs of the model for a seed.
        name: of the model, for messages.
        requested: an engine to use instead. If its answers differ from the model's own, that is said.
    """
    if not is_quantized(module):
        return requested
    examples = [example(seed) for seed in _SEEDS]
    wanted = _answers(module, examples)
    if wanted is None:  # the model refuses an example, which the references report
        return requested or torch.backends.quantized.engine
    if requested is not None:
        error = _difference(wanted, _repacked(module, examples, requested))
        if error > 0.0:
            _log.warning(
                "%s: with the engine %s its answers differ by %.2g from those of the model as it was packed",
                name,
                requested,
                error,
            )
        return requested
    available = (engine for engine in _ORDER if engine in supported_engines())
    engines = dict.fromkeys((torch.backends.quantized.engine, *available))
    return min(engines, key=lambda engine: _difference(wanted, _repacked(module, examples, engine)))


def check_converted(module: nn.Module, source: str) -> None:
    """Refuses a module whose observers still collect ranges: its answers are not those of a quantized model.

    Raises:
        SourceError: it was prepared for quantization and not converted.
    """
    faked = [child for child in module.modules() if isinstance(child, FakeQuantizeBase)]
    inside = {id(part) for child in faked for part in child.modules()}
    watching = any(bool(child.observer_enabled[0]) for child in faked)
    if watching or any(isinstance(child, ObserverBase) and id(child) not in inside for child in module.modules()):
        raise SourceError(
            f"{source} is prepared for quantization and not converted: its observers change with every run. Call "
            "torch.ao.quantization.convert(model.eval()) first, or export the model as it was before prepare."
        )


def is_quantized(module: nn.Module) -> bool:
    """Whether a module has packed weights or quantized tensors, or its graph has operators on them."""
    if isinstance(module, torch.jit.ScriptModule):
        return needs_engine(re.findall(r"[a-z]+::quantized_\w+|quantized::\w+", str(module.inlined_graph)))
    attributes = (value for child in module.modules() for value in vars(child).values())
    tensors = (value for value in module.state_dict().values() if isinstance(value, torch.Tensor))
    return any(isinstance(value, torch.ScriptObject) for value in attributes) or any(t.is_quantized for t in tensors)


@contextmanager
def refused_empty(module: nn.Module) -> Iterator[None]:
    """In the block, quantized convolutions refuse an input smaller than their kernel, for which torch may end the process."""
    layers = [layer for layer in module.modules() if isinstance(layer, _ConvNd)]
    handles = [layer.register_forward_pre_hook(_refuse_empty) for layer in layers]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _refuse_empty(layer: Any, inputs: tuple[torch.Tensor, ...]) -> None:
    spatial = inputs[0].shape[-len(layer.kernel_size) :]
    covered = [d * (k - 1) + 1 for d, k in zip(layer.dilation, layer.kernel_size, strict=True)]
    if any(size + 2 * pad < need for size, pad, need in zip(spatial, layer.padding, covered, strict=True)):
        raise RuntimeError(
            f"a quantized convolution has an input of {list(spatial)}, smaller than its kernel of {covered}"
        )


def _repacked(
    module: nn.Module, examples: Sequence[tuple[torch.Tensor, ...]], engine: str
) -> list[dict[str, Array]] | None:
    with held_engine(engine):
        try:
            copied = detached_copy(module)
        except CaptureError:  # the engine has no such weights, for example QNNPACK none of float16
            return None
        return _answers(copied, examples)


def _answers(module: nn.Module, examples: Sequence[tuple[torch.Tensor, ...]]) -> list[dict[str, Array]] | None:
    """The answers to the examples; None if the module refuses one."""
    try:
        with torch.no_grad():
            return [named_arrays(module(*(tensor.clone() for tensor in example))) for example in examples]
    except Exception:
        return None


def _difference(wanted: list[dict[str, Array]], found: list[dict[str, Array]] | None) -> float:
    """The largest difference of an element, relative to the largest element of its output."""
    if found is None:
        return math.inf
    pairs = [(a[name], b.get(name)) for a, b in zip(wanted, found, strict=True) for name in a]
    return max((_relative(a, b) for a, b in pairs), default=0.0)


def _relative(wanted: Array, found: Array | None) -> float:
    if found is None or found.shape != wanted.shape:
        return math.inf
    a, b = wanted.astype(np.float64), found.astype(np.float64)
    error = float(np.abs(a - b).max(initial=0.0)) / (float(np.abs(a).max(initial=0.0)) or 1.0)
    return math.inf if math.isnan(error) else error
