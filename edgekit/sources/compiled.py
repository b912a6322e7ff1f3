"""Modules with parts that `torch.compile` compiled: a copy runs them as they were written, since torch captures nothing else."""

import logging
import sys
import types
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import nn

from edgekit.sources.copies import detached_copy

_log = logging.getLogger(__name__)

_ORIGINAL = "_torchdynamo_orig_callable"  # what torch.compile keeps on the function that it returns


def without_compiling() -> AbstractContextManager[None]:
    """Runs compiled functions, such as one that forward calls by its global name, without compiling them."""
    if "torch._dynamo" not in sys.modules:  # nothing is compiled
        return nullcontext()
    stance: AbstractContextManager[None] = torch.compiler.set_stance("force_eager")
    return stance


def uncompiled(module: nn.Module, name: str) -> nn.Module:
    """The module itself, or a copy that shares the parameters, in which no layer or method is compiled; reported."""
    if isinstance(module, torch.jit.ScriptModule) or next(_compiled(module), None) is None:
        return module
    copied = detached_copy(module)
    _log.warning("%s: %s exported as before torch.compile", name, ", ".join(_compiled(module)))
    copies = {id(part): twin for part, twin in zip(module.modules(), copied.modules(), strict=True)}
    for part in list(copied.modules()):
        for key, child in part._modules.items():
            while child is not None and (original := _inside(child)) is not None:
                child = part._modules[key] = original
    for part in copied.modules():
        for key, function in dict(_functions(part)).items():
            vars(part)[key] = _original(function, part, copies, is_own=key in vars(part))
    return copied


def _original(function: Any, part: nn.Module, copies: Mapping[int, nn.Module], *, is_own: bool) -> Any:
    """What was compiled, bound to the copy of the module to which it was bound. `is_own` is an attribute of the instance."""
    original = getattr(function, _ORIGINAL)
    if isinstance(original, types.MethodType):
        return types.MethodType(original.__func__, copies.get(id(original.__self__), original.__self__))
    return original if is_own else types.MethodType(original, part)


def _compiled(module: nn.Module) -> Iterator[str]:
    """The dotted names of compiled layers and methods."""
    for path, part in module.named_modules():
        if _inside(part) is not None:
            yield path
        else:
            yield from (f"{path}.{key}" if path else key for key, _ in _functions(part))


def _inside(module: nn.Module) -> nn.Module | None:
    return module._modules.get("_orig_mod") if type(module).__name__ == "OptimizedModule" else None


def _functions(part: nn.Module) -> Iterator[tuple[str, Any]]:
    """The compiled methods of a module, of its class or set on the instance."""
    attributes = {key: value for kind in reversed(type(part).__mro__) for key, value in vars(kind).items()}
    for key, value in {**attributes, **vars(part)}.items():
        if isinstance(value, types.FunctionType) and hasattr(value, _ORIGINAL):
            yield key, value
