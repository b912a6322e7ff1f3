"""Hybrid capture: scripts the parts that can be scripted, and traces the rest.

It works from the leaves up. A module that cannot be scripted is traced; calls to its scripted children stay calls, so their
control flow is kept. Helper functions in which the tracer warned of data-dependent control flow are scripted too.
"""

import inspect
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from edgekit.capture.conversions import Conversion
from edgekit.capture.script import try_script
from edgekit.capture.trace import TraceWarning, trace
from edgekit.errors import CaptureError
from edgekit.parity.eager import exact_eager

_CONTAINERS = (nn.ModuleList, nn.ModuleDict)


@dataclass(slots=True, kw_only=True)
class Parts:
    """The names of the scripted submodules ("" is the module itself), and the Python numbers from sizes in the traced ones."""

    scripted: list[str] = field(default_factory=list)
    conversions: list[Conversion] = field(default_factory=list)


def script_parts(module: nn.Module, example: tuple[torch.Tensor, ...]) -> tuple[torch.jit.ScriptModule, Parts]:
    """Captures a module part by part.

    Raises:
        CaptureError: a part can be neither scripted nor traced.
    """
    calls = _record_calls(module, example)
    parts = Parts()
    with exact_eager():
        result = _convert(module, "", calls, parts)
    return result, parts


def _record_calls(module: nn.Module, example: tuple[torch.Tensor, ...]) -> dict[str, tuple[Any, ...]]:
    """The arguments of the first call of each submodule."""
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


def _convert(module: nn.Module, path: str, calls: dict[str, tuple[Any, ...]], parts: Parts) -> Any:
    """The module as a ScriptModule: scripted as it is, or with converted children scripted or traced."""
    if whole := try_script(module):
        parts.scripted.append(path)
        return whole
    place = len(parts.scripted)
    _convert_children(module, path, calls, parts)
    if whole := try_script(module):
        parts.scripted.insert(place, path)
        return whole
    if path not in calls or not all(isinstance(argument, torch.Tensor) for argument in calls[path]):
        raise CaptureError(
            f"{path or type(module).__name__} can be neither scripted nor traced alone: its arguments are not all tensors"
        )
    traced = trace(module, calls[path])
    parts.conversions.extend(traced.conversions)
    return traced.module


def _convert_children(module: nn.Module, path: str, calls: dict[str, tuple[Any, ...]], parts: Parts) -> None:
    for name, child in list(module.named_children()):
        child_path = f"{path}.{name}" if path else name
        if isinstance(child, _CONTAINERS):
            _convert_children(child, child_path, calls, parts)
        elif child_path in calls:
            # A child that cannot be captured alone stays as it is: the trace of its parent includes it.
            try:
                setattr(module, name, _convert(child, child_path, calls, parts))
            except CaptureError:
                continue


@contextmanager
def scripted_functions(warnings: tuple[TraceWarning, ...]) -> Iterator[tuple[str, ...]]:
    """Replaces every plain function that a tracer warning points into with its scripted form, until the block ends."""
    replaced: list[tuple[types.ModuleType, str, Any]] = []
    names: list[str] = []
    for function in _functions_at(warnings):
        try:
            compiled = torch.jit.script(function)
        except Exception:  # it stays as it is; the probes show whether that is right
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
