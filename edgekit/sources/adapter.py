"""Gives a model plain inputs and outputs: a generated module with positional tensors in and named tensors out.

Keyword arguments, skipped parameters, bound values, nested inputs, and outputs that are more than tensors in tuples are
dealt with here, so that every later stage sees tensors by position. The generated source is in `linecache`, so that it
scripts as well as it traces. A model whose call and outputs are plain stays as it is.
"""

import dataclasses
import inspect
import itertools
import linecache
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.utils import _pytree

from edgekit.errors import CaptureError, kind_of
from edgekit.nested import structure_of
from edgekit.sources.arguments import Argument
from edgekit.sources.copies import detached_copy
from edgekit.sources.expressions import by_name, identifiers, literal, passed
from edgekit.sources.inputs import InputSpec

_log = logging.getLogger(__name__)
_numbers = itertools.count()

GENERATED = "Generated"  # the class of a generated adapter
_DEEPEST = 8  # parts inside parts of an object that is searched for tensors
_DRAWS = 6  # to find out whether the outputs depend on the data

Leaf = tuple[str, str]  # the flattened name of an output, and the expression that gives it


class Adapter(nn.Module):
    """The base of generated modules; `model` is the user's module. Not annotated, as scripting reads annotations."""


def inner(module: nn.Module) -> nn.Module:
    """The user's own module."""
    while isinstance(module, Adapter):
        module = module.get_submodule("model")
    return module


def adapted(
    module: nn.Module, arguments: Sequence[Argument], bound: Mapping[str, Any], name: str, method: str = "forward"
) -> nn.Module:
    """The module itself where its call and outputs are plain, else a generated module around it, whose `forward` calls it.

    Args:
        module: a module in eval mode.
        arguments: the inputs, grouped by the parameters of the method.
        bound: values of other parameters.
        name: the model's name, for the report of what is left out.
        method: the method to call.
    """
    plain_call = method == "forward" and not bound and all(argument.plain for argument in arguments)
    call = generated(module, arguments, bound, [], method)
    copied, specs = detached_copy(call), [spec for argument in arguments for spec in argument.specs]
    value = _answer(copied, [spec.first() for spec in specs])
    if value is None or _is_plain(value) or _depends_on_data(getattr(module, method), copied, specs, value):
        return module if plain_call else call
    leaves = []
    for leaf, expression, part in _leaves(value, "value", ""):
        if isinstance(part, torch.Tensor) and part.is_quantized:
            _log.warning("%s: output %s is quantized; the package returns it dequantized", name, leaf)
            leaves.append((leaf, f"{expression}.dequantize()"))
        elif isinstance(part, torch.Tensor):
            leaves.append((leaf, expression))
        else:
            _log.warning("%s: output %s is %s and is left out", name, leaf, kind_of(part))
    names = [leaf for leaf, _ in leaves]
    if twice := next((leaf for leaf in names if names.count(leaf) > 1), None):
        raise CaptureError(f"two outputs have the flattened name {twice!r}. Rename a key of the dict that holds them.")
    if not leaves:
        raise CaptureError(
            f"{name} returns {kind_of(value)} without a tensor in it that edgekit can find. Return at least one tensor, "
            "alone or in a tuple, list, dict, dataclass or named tuple."
        )
    return generated(module, arguments, bound, leaves, method)


def _answer(call: nn.Module, arrays: Sequence[Any]) -> Any:
    """What the model returns; None where it refuses, which the references report with their remedy."""
    try:
        with torch.no_grad():
            return call(*map(torch.from_numpy, arrays))
    except Exception:
        return None


def _is_plain(value: Any) -> bool:
    """Whether tracing, scripting and the lite interpreter take the value as it is."""
    if isinstance(value, torch.Tensor):
        return not value.is_quantized  # Android cannot read quantized tensors
    if type(value) in (bool, int, float):
        return True
    if type(value) is dict:
        return bool(value) and all(
            isinstance(key, str) and isinstance(item, torch.Tensor) and _is_plain(item) for key, item in value.items()
        )
    if type(value) is list:  # the tracer takes no other lists, and TorchScript has lists of one type
        return bool(value) and all(
            isinstance(item, torch.Tensor | bool | int | float) and _is_plain(item) for item in value
        )
    plain_type = type(value) is tuple or hasattr(type(value), "_fields")
    return plain_type and bool(value) and all(map(_is_plain, value))


def _depends_on_data(function: Callable[..., Any], call: nn.Module, specs: Sequence[InputSpec], value: Any) -> bool:
    """Whether other inputs give other outputs than the first one, of types that scripting takes as they are.

    Then nothing can be left out: an empty list or a None of the first answer may hold tensors in another one.
    """
    annotation = str(inspect.signature(function).return_annotation).lower()
    if not any(word in annotation for word in ("list", "dict", "optional", "none")) or not _can_be_scripted(value):
        return False
    structure = structure_of(value)
    drawn = (
        _answer(call, [spec.generate(seed + 100 * index) for index, spec in enumerate(specs)])
        for seed in range(1, _DRAWS + 1)
    )
    return any(other is not None and structure_of(other) != structure for other in drawn)


def _can_be_scripted(value: Any) -> bool:
    """Whether TorchScript has a type for a value: also empty lists, None, and dicts whose values are of one kind."""
    if type(value) is dict:
        return len({type(item) for item in value.values()}) < 2 and all(map(_can_be_scripted, value.values()))
    if type(value) in (tuple, list):
        return all(map(_can_be_scripted, value))
    return value is None or isinstance(value, torch.Tensor) or type(value) in (bool, int, float)


def _leaves(value: Any, expression: str, path: str, above: tuple[Any, ...] = ()) -> Iterator[tuple[str, str, Any]]:
    """The parts of an output that have no parts: the flattened name, the expression for it, and the part."""
    children = [] if isinstance(value, torch.Tensor) else list(_children(value, expression, above))
    if not children:
        yield path or "0", expression, value
    for key, child, child_expression in children:
        yield from _leaves(child, child_expression, f"{path}.{key}" if path else key, (*above, value))


def _check_leaves(value: Any, expected: Sequence[str]) -> None:
    """Runs in every call of the eager model, whose other outputs the generated module would lose."""
    found = [name for name, _, part in _leaves(value, "", "") if isinstance(part, torch.Tensor)]
    if found != list(expected):
        raise CaptureError(
            f"the outputs depend on the data: ({', '.join(expected)}) for the example and ({', '.join(found)}) for another "
            "input. Only tuples and lists of tensors, and dicts of tensors alone, may do that. Return those."
        )


def _children(value: Any, expression: str, above: tuple[Any, ...]) -> Iterator[tuple[str, Any, str]]:
    """The parts of a value that is inside others: key, part, and the expression for it."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key), item, f"{expression}[{key!r}]"
    elif hasattr(type(value), "_fields"):
        for key in value._fields:
            yield key, getattr(value, key), f"{expression}.{key}"
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield field.name, getattr(value, field.name), f"{expression}.{field.name}"
    elif isinstance(value, tuple | list):
        for index, item in enumerate(value):
            yield str(index), item, f"{expression}[{index}]"
    elif type(value) in _pytree.SUPPORTED_NODES:
        for index, item in enumerate(_parts(value)):
            yield str(index), item, f"_parts({expression})[{index}]"
    elif _has_tensors(value, above):
        for name, item in vars(value).items():
            if not name.startswith("_") and (isinstance(item, torch.Tensor) or _has_tensors(item, (*above, value))):
                yield name, item, f"{expression}.{name}"


def _has_tensors(value: Any, above: tuple[Any, ...]) -> bool:
    """Whether an object, such as a cache of keys and values, has tensors in its attributes, or in those of its parts."""
    if isinstance(value, type | nn.Module) or any(value is each for each in above) or len(above) > _DEEPEST:
        return False
    if isinstance(value, Mapping | tuple | list):
        parts = list(value.values()) if isinstance(value, Mapping) else list(value)
    else:
        parts = [item for name, item in getattr(value, "__dict__", {}).items() if not name.startswith("_")]
    return any(isinstance(part, torch.Tensor) or _has_tensors(part, (*above, value)) for part in parts)


def _parts(value: Any) -> list[Any]:
    """The parts of an object that torch's pytree registry knows, such as a cache of keys and values."""
    return list(_pytree.SUPPORTED_NODES[type(value)].flatten_fn(value)[0])


def generated(
    module: nn.Module,
    arguments: Sequence[Argument],
    bound: Mapping[str, Any],
    leaves: Sequence[Leaf],
    method: str = "forward",
) -> nn.Module:
    """A module whose `forward` calls a method of the module. With `leaves`, it returns a dict of them."""
    callee = "self.model" if method == "forward" else f"self.model.{method}"
    names = identifiers([spec.name for argument in arguments for spec in argument.specs])
    parameters = "".join(f", {name}: torch.Tensor" for name in names.values())
    constants: dict[str, Any] = {}
    given = [passed(argument, names, constants) for argument in arguments]
    given += [by_name(key, literal(value, constants)) for key, value in bound.items()]
    result = "{" + ", ".join(f"{name!r}: {expression}" for name, expression in leaves) + "}" if leaves else "value"
    check = "        if not torch.jit.is_scripting():\n            _check(value)\n" if leaves else ""
    source = (
        f"class {GENERATED}(Adapter):\n"
        "    def __init__(self, model):\n"
        "        super().__init__()\n"
        "        self.model = model\n"
        "\n"
        f"    def forward(self{parameters}):\n"
        f"        value = {callee}({', '.join(given)})\n"
        f"{check}"
        f"        return {result}\n"
    )
    path = f"<edgekit adapter {next(_numbers)}>"
    linecache.cache[path] = (len(source), None, source.splitlines(keepends=True), path)
    namespace: dict[str, Any] = {
        "__name__": __name__,
        "Adapter": Adapter,
        "torch": torch,
        "_parts": _parts,
        **constants,
    }
    namespace["_check"] = partial(_check_leaves, expected=[name for name, _ in leaves])
    exec(compile(source, path, "exec"), namespace)
    made: nn.Module = namespace[GENERATED](module)
    return made.eval()


def without_defaults(module: nn.Module, inputs: Sequence[InputSpec]) -> nn.Module:
    """A module whose `forward` has the given inputs alone: a scripted one would keep the parameters with defaults."""
    if len(inspect.signature(module.forward).parameters) == len(inputs):
        return module
    arguments = [Argument(name=spec.name, specs=(spec,), by_position=True) for spec in inputs]
    return generated(module, arguments, {}, [])
