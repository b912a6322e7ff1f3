"""Layers that a module keeps in a plain Python list or dict. They do not belong to it: no weights, no eval mode."""

from collections.abc import Iterator, Mapping
from typing import Any

from torch import nn

_DEEPEST = 3
MODE_MATTERS = (nn.modules.dropout._DropoutNd, nn.modules.batchnorm._BatchNorm)  # they behave differently in training

HIDDEN_REMEDY = "Put the layers into nn.ModuleList or nn.ModuleDict, instead of a Python list or dict."


def hidden_layers(module: nn.Module) -> dict[str, list[nn.Module]]:
    """The attributes that hold layers which `module.modules()` does not list, by their dotted names."""
    known = {id(child) for child in module.modules()}
    found: dict[str, list[nn.Module]] = {}
    for path, child in module.named_modules():
        for name, value in vars(child).items():
            layers = [layer for layer in _layers(value) if id(layer) not in known]
            if layers and not isinstance(value, nn.Module):
                found[f"{path}.{name}" if path else name] = layers
    return found


def stays_in_training(module: nn.Module) -> list[str]:
    """The attributes whose hidden layers `module.eval()` does not reach, and that behave differently in training."""
    return [
        name
        for name, layers in hidden_layers(module).items()
        if any(isinstance(part, MODE_MATTERS) and part.training for layer in layers for part in layer.modules())
    ]


def switched_to_training(module: nn.Module) -> list[str]:
    """The layers that are in training mode after `module.eval()` and a run, and that behave differently there."""
    return [
        path.removeprefix("model.")
        for path, part in module.named_modules()
        if isinstance(part, MODE_MATTERS) and part.training
    ]


def _layers(value: Any, depth: int = 0) -> Iterator[nn.Module]:
    if isinstance(value, nn.Module):
        yield value
    elif depth < _DEEPEST and isinstance(value, list | tuple | set | Mapping):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _layers(item, depth + 1)
