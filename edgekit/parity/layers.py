"""Records an eager model with the place of each operator: the submodule in which it runs, and the line of the source."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import nn

import edgekit
from edgekit.parity.eager import exact_eager
from edgekit.parity.probes import Probe
from edgekit.recording import Recording, record
from edgekit.sources.adapter import inner

Recorder = Callable[[Probe], Recording]  # of the eager model

_TORCH, _OWN = (str(Path(found).parent) + "/" for found in (torch.__file__, edgekit.__file__))
_LAYERS = f"{_TORCH}nn/"
_CALLING = (f"{_LAYERS}modules/module.py", f"{_LAYERS}modules/container.py")


def record_eager(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> Recording:
    """Runs a model on copies of the inputs. The operators of TorchScript have no place, because it takes no hooks."""
    copies = [tensor.clone() for tensor in inputs]
    with exact_eager(), _hooked(inner(module)) as stack:
        return record(lambda: module(*copies), copies, lambda: (*stack[-1], _line()))


def record_module(module: Any, inputs: tuple[torch.Tensor, ...]) -> Recording:
    """Runs what was made from a model, without the places of its operators."""
    copies = [tensor.clone() for tensor in inputs]
    with exact_eager():
        return record(lambda: module(*copies), copies)


@contextmanager
def _hooked(module: nn.Module) -> Iterator[list[tuple[str, str]]]:
    """The names and classes of the submodules that run, the innermost one last."""
    stack = [("", "")]

    def enter(name: str) -> Callable[..., None]:
        return lambda layer, _: stack.append((name, type(layer).__name__))

    def leave(_layer: nn.Module, _inputs: Any, _output: Any) -> None:
        stack.pop()

    handles: list[Any] = []
    for name, part in module.named_modules():
        if not isinstance(part, torch.jit.ScriptModule):
            handles += [part.register_forward_pre_hook(enter(name)), part.register_forward_hook(leave)]
    try:
        yield stack
    finally:
        for handle in handles:
            handle.remove()


def _line() -> str:
    """The innermost line that is neither torch's nor edgekit's; for a model of torch's layers alone, the line of the layer."""
    frame: FrameType | None = sys._getframe()
    layer = ""
    while frame is not None and frame.f_code is not record.__code__:
        path = frame.f_code.co_filename
        place = f"{Path(path).name}:{frame.f_lineno}"
        if not path.startswith((_TORCH, _OWN, "<")):
            return place
        if not layer and path.startswith(_LAYERS) and path not in _CALLING:
            layer = f"{place} of torch"
        frame = frame.f_back
    return layer
