"""How much one run of a model computes. The figure is the same on every machine, so it may limit what an export tries."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

_PER_ELEMENT = 100  # of the inputs, for models whose layers are not modules


class Work:
    """A rough count: for each call of a layer with a weight, one per element of the weight and position of the output."""

    def __init__(self, module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        parameters = sum(parameter.numel() for parameter in module.parameters())
        self._least = max(parameters, _PER_ELEMENT * sum(math.prod(tensor.shape) for tensor in inputs), 1.0)
        self._counted = 0.0

    @property
    def multiply_adds(self) -> float:
        return max(self._counted, self._least)

    def count(self, layer: Any, _: Any, output: Any) -> None:
        """A hook that runs after a layer."""
        if isinstance(output, torch.Tensor) and layer.weight.dim() > 1 and not isinstance(layer, nn.Embedding):
            self._counted += layer.weight.numel() * output.numel() / max(layer.weight.shape[0], 1)


@contextmanager
def counted_work(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> Iterator[Work]:
    """Counts what a module computes in the block, in which it runs once on the inputs."""
    work = Work(module, inputs)
    eager = (m for m in module.modules() if not isinstance(m, torch.jit.ScriptModule))  # which takes no hooks
    layers = [m for m in eager if isinstance(getattr(m, "weight", None), torch.Tensor)]
    handles = [layer.register_forward_hook(work.count) for layer in layers]
    try:
        yield work
    finally:
        for handle in handles:
            handle.remove()
