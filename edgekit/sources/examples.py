"""Example inputs as Python gives them: tensors, arrays, texts, and nested sequences and mappings of them."""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from edgekit.errors import UsageError, kind_of
from edgekit.format.schema import DTYPES
from edgekit.sources.inputs import InputSpec, from_array, parse_input
from edgekit.sources.records import is_record, parts_of


def as_inputs(function: Callable[..., Any] | None, given: Any) -> Iterator[InputSpec]:
    """The inputs of a sequence, by position, or of a dict, by name; nested ones are named by their path.

    Args:
        function: the method that takes them; None if there is none, which is found out later.
        given: a tensor, an array, a text, or a sequence or mapping of them, which may be nested.

    Raises:
        UsageError: an item is something else.
    """
    if isinstance(given, str | torch.Tensor | np.ndarray) or not isinstance(given, Iterable):  # one input
        given = (given,)
    if isinstance(given, Mapping):
        for name, value in given.items():
            yield from _nested_inputs(str(name), value)
        return
    parameters = _parameters(function) if callable(function) else []
    for index, value in enumerate(given):
        nested = isinstance(value, tuple | list | Mapping) or is_record(value)
        name = parameters[index] if nested and index < len(parameters) else ""
        yield from _nested_inputs(name, value)


def _parameters(function: Callable[..., Any]) -> list[str]:
    if isinstance(function, torch.ScriptMethod):  # it has no Python signature
        return [argument.name for argument in function.schema.arguments[1:]]
    return list(inspect.signature(function).parameters)


def _array(name: str, tensor: torch.Tensor) -> np.ndarray[Any, Any]:
    dtype = str(tensor.dtype).removeprefix("torch.")
    if dtype not in DTYPES or tensor.is_meta or tensor.layout is not torch.strided:
        layout = "meta " if tensor.is_meta else "" if tensor.layout is torch.strided else f"{tensor.layout} "
        raise UsageError(
            f"input {name or 'tensor'} is a {layout}tensor of {dtype}; expected a dense tensor of {', '.join(DTYPES)}. Convert "
            "it, for example with .float() or .to_dense()."
        )
    array: np.ndarray[Any, Any] = tensor.detach().cpu().resolve_conj().resolve_neg().numpy()
    return array


def _nested_inputs(name: str, value: Any) -> Iterator[InputSpec]:
    if isinstance(value, str):
        yield replace(parse_input(value), name=name) if name else parse_input(value)
    elif isinstance(value, torch.Tensor):
        yield from_array(name, _array(name, value))
    elif isinstance(value, np.ndarray):
        yield from_array(name, value)
    elif name and is_record(value) and any(parts_of(value)):
        for field, item in parts_of(value):
            yield from _nested_inputs(f"{name}.{field}", item)
    elif isinstance(value, tuple | list | Mapping) and value and name:
        items = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, item in items:
            yield from _nested_inputs(f"{name}.{key}", item)
    else:
        raise UsageError(
            f"an example input is {kind_of(value)}; expected a tensor, a numpy array, a text such as '1x3x224x224', or "
            "tuples, lists and dicts of them. Pass other values with bind."
        )
