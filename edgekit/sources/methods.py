"""The methods of a module: which ones it has for export, and which ones the user asked for."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import nn

from edgekit.errors import SourceError, UsageError
from edgekit.sources.adapter import generated
from edgekit.sources.arguments import Argument, check_distinct, option_of
from edgekit.sources.inputs import InputSpec

FORWARD = "forward"

Requested = dict[str, Sequence[InputSpec]]


def exported_methods(module: nn.Module) -> tuple[str, ...]:
    """The methods that a module marks for export with `@torch.jit.export`; all methods of TorchScript. `forward` is not in it."""
    if isinstance(module, torch.jit.ScriptModule):
        names = list(module._c._method_names())
    else:
        exported = torch._jit_internal.FunctionModifiers.EXPORT
        members = ((key, value) for kind in type(module).__mro__ for key, value in vars(kind).items())
        names = [key for key, value in members if getattr(value, "_torchscript_modifier", None) == exported]
    return tuple(name for name in dict.fromkeys(names) if name != FORWARD and not name.startswith("__"))


def requested_methods(
    module: nn.Module, name: str, forward: Sequence[InputSpec], others: Mapping[str, Sequence[InputSpec]]
) -> Requested:
    """The methods to export with their inputs, `forward` first if the module has it.

    Raises:
        UsageError: the module lacks a method that was asked for.
        SourceError: the module has no `forward`, and no method was asked for.
    """
    if FORWARD in others:
        raise UsageError("--method forward:…: the inputs of forward are those of --input. Pass them there.")
    for method in others:
        _check_method(module, name, method)
    if _has_forward(module):
        return {FORWARD: forward, **others}
    if not others:
        listed = ", ".join(exported_methods(module))
        remedy = (
            f"it has {listed}. Name the methods to export, with --method NAME:SHAPE."
            if listed
            else "expected one that computes the answer. Define it, or name another method with --method NAME:SHAPE."
        )
        raise SourceError(f"{name} has no forward; {remedy}")
    if forward:
        raise UsageError(
            f"{name} has no forward, which --input is for. Pass the inputs of a method with --method NAME:SHAPE."
        )
    return dict(others)


def scripted_method(
    module: torch.jit.ScriptModule, method: str, given: Sequence[InputSpec]
) -> tuple[torch.jit.ScriptModule, tuple[InputSpec, ...]]:
    """A TorchScript module whose `forward` is a method of another one, and its inputs with their names.

    Raises:
        UsageError: the inputs do not fit the signature.
    """
    inputs = _named(module, method, given)
    if method == FORWARD:
        return module, inputs
    arguments = [Argument(name=spec.name, specs=(spec,), by_position=False) for spec in inputs]
    called: torch.jit.ScriptModule = torch.jit.script(generated(module, arguments, {}, [], method))
    return called, inputs


def _has_forward(module: nn.Module) -> bool:
    if isinstance(module, torch.jit.ScriptModule):
        return bool(module._c._has_method(FORWARD))
    return getattr(module.forward, "__name__", "") != "_forward_unimplemented"


def _check_method(module: nn.Module, name: str, method: str) -> None:
    if isinstance(module, torch.jit.ScriptModule):
        known, found = list(module._c._method_names()), bool(module._c._has_method(method))
    else:
        found = callable(getattr(module, method, None)) and not isinstance(getattr(module, method), nn.Module)
        inherited = set(dir(nn.Module))
        known = [key for key in dir(module) if key not in inherited and not key.startswith("_")]
        known = [key for key in known if callable(getattr(module, key)) and key not in dict(module.named_children())]
    if not found or hasattr(nn.Module, method):
        near = difflib.get_close_matches(method, known, n=1)
        hint = f" Did you mean {near[0]}?" if near else f" It has {', '.join(known) or 'none'}."
        raise UsageError(f"--method {method}:…: {name} has no method {method!r} to export.{hint}")


def _named(module: torch.jit.ScriptModule, method: str, given: Sequence[InputSpec]) -> tuple[InputSpec, ...]:
    check_distinct(given, method)
    arguments = module._c._get_method(method).schema.arguments[1:]
    names = [argument.name for argument in arguments]
    required = [argument.name for argument in arguments if not argument.has_default_value()]
    unnamed = [spec for spec in given if not spec.name]
    if len(given) > len(names) or len(given) < len(required) or (unnamed and len(unnamed) < len(given)):
        raise UsageError(
            f"{len(given)} inputs were given, and {method} takes ({', '.join(names)}). Pass one "
            f"{option_of(method).strip()} for each, in order."
        )
    if unnamed:
        return tuple(replace(spec, name=name) for spec, name in zip(given, names, strict=False))
    by_name = {spec.name: spec for spec in given}
    if unknown := sorted(by_name.keys() - set(names)):
        raise UsageError(
            f"{option_of(method)}{unknown[0]}=…: {method} has no such parameter; it takes ({', '.join(names)})."
        )
    return tuple(by_name[name] for name in names if name in by_name)
