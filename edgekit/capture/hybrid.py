"""Hybrid capture: script what can be scripted, trace the rest.

From the leaves up: a module that scripts is scripted; one that does not is traced with its scripted children left as calls,
so that their control flow survives. Helper functions in which the tracer saw data-dependent control flow are scripted too.
"""

import inspect
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from edgekit.capture.script import try_script
from edgekit.capture.trace import TraceWarning, trace
from edgekit.errors import CaptureError
from edgekit.parity.eager import exact_eager

_CONTAINERS = (nn.ModuleList, nn.ModuleDict)


def script_parts(
    module: nn.Module, example: tuple[torch.Tensor, ...]
) -> tuple[torch.jit.ScriptModule, tuple[str, ...]]:
    """Captures a module part by part, and names the submodules that were scripted ("" is the whole).

    Raises:
        CaptureError: some part can neither be scripted nor traced.
    """
    calls = _record_calls(module, example)
    scripted: list[str] = []
    with exact_eager():
        result = _convert(module, "", calls, scripted)
    return result, tuple(scripted)


def _record_calls(module: nn.Module, example: tuple[torch.Tensor, ...]) -> dict[str, tuple[Any, ...]]:
    """The arguments with which each submodule is first called."""
    calls: dict[str, tuple[Any, ...]] = {}

    def keep(name: str) -> Any:
        def hook(_: nn.Module, args: tuple[Any, ...]) -> None:
            calls.setdefault(name, args)

        return hook

    handles = [child.register_forward_pre_hook(keep(name)) for name, child in module.named_modules()]
    try:
        with exact_eager():
            module(*example)
    finally:
        for handle in handles:
            handle.remove()
    return calls


def _convert(module: nn.Module, path: str, calls: dict[str, tuple[Any, ...]], scripted: list[str]) -> Any:
    """The module as a ScriptModule: scripted, scripted over converted children, or traced over them."""
    if whole := try_script(module):
        scripted.append(path)
        return whole
    inner: list[str] = []
    _convert_children(module, path, calls, inner)
    if whole := try_script(module):
        scripted.extend([path, *inner])
        return whole
    scripted.extend(inner)
    if path not in calls or not all(isinstance(argument, torch.Tensor) for argument in calls[path]):
        raise CaptureError(
            f"{path or type(module).__name__} can be neither scripted nor traced alone: its arguments are not all tensors"
        )
    return trace(module, calls[path])[0]


def _convert_children(module: nn.Module, path: str, calls: dict[str, tuple[Any, ...]], scripted: list[str]) -> None:
    for name, child in list(module.named_children()):
        child_path = f"{path}.{name}" if path else name
        if isinstance(child, _CONTAINERS):
            _convert_children(child, child_path, calls, scripted)
        elif child_path in calls:
            # A child that cannot be captured alone is left as it is: the trace of its parent goes through it.
            try:
                setattr(module, name, _convert(child, child_path, calls, scripted))
            except CaptureError:
                continue


@contextmanager
def scripted_functions(warnings: tuple[TraceWarning, ...]) -> Iterator[tuple[str, ...]]:
    """Replaces, for the time being, every plain function that a tracer warning points into by its scripted form."""
    replaced: list[tuple[types.ModuleType, str, Any]] = []
    names: list[str] = []
    for function in _functions_at(warnings):
        try:
            compiled = torch.jit.script(function)
        except Exception:  # it stays as it is, and the probes will tell
            continue
        names.append(f"{function.__name__}()")
        for module in list(sys.modules.values()):
            for name, value in list(vars(module).items()) if isinstance(module, types.ModuleType) else ():
                if value is function:
                    replaced.append((module, name, function))
                    setattr(module, name, compiled)
    try:
        yield tuple(names)
    finally:
        for module, name, function in replaced:
            setattr(module, name, function)


def _functions_at(warnings: tuple[TraceWarning, ...]) -> list[Any]:
    found: dict[int, Any] = {}
    files = {warning.path for warning in warnings}
    for module in list(sys.modules.values()):
        if getattr(module, "__file__", None) not in files:
            continue
        for value in list(vars(module).values()):
            if isinstance(value, types.FunctionType) and any(_holds(value, warning) for warning in warnings):
                found[id(value)] = value
    return list(found.values())


def _holds(function: types.FunctionType, warning: TraceWarning) -> bool:
    if function.__code__.co_filename != warning.path:
        return False
    try:
        lines, start = inspect.getsourcelines(function)
    except (OSError, TypeError):
        return False
    return start <= warning.line < start + len(lines)
