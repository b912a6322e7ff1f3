"""How much one run of a model computes. The figure is the same on every machine, so it may limit what an export tries."""

import math
from typing import Any

import torch
from torch import nn

from edgekit.parity.eager import exact_eager

_PER_ELEMENT = 100  # of the inputs, for models whose layers are not modules


def multiply_adds(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> float:
    """A rough count: for each call of a layer with a weight, one per element of the weight and position of the output."""
    layers = [m for m in module.modules() if isinstance(getattr(m, "weight", None), torch.Tensor)]
    total = 0.0

    def count(layer: Any, _: Any, output: Any) -> None:
        nonlocal total
        if isinstance(output, torch.Tensor) and layer.weight.dim() > 1 and not isinstance(layer, nn.Embedding):
            total += layer.weight.numel() * output.numel() / max(layer.weight.shape[0], 1)

    scripted = isinstance(module, torch.jit.ScriptModule)
    handles = [] if scripted else [layer.register_forward_hook(count) for layer in layers]
    try:
        with exact_eager():
            module(*(tensor.clone() for tensor in inputs))
    finally:
        for handle in handles:
            handle.remove()
    parameters = sum(parameter.numel() for parameter in module.parameters())
    return max(total, parameters, _PER_ELEMENT * sum(math.prod(tensor.shape) for tensor in inputs), 1.0)
