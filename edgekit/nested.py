"""Converts nested values of tensors to named arrays; docs/format.md defines the flattened names."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from edgekit.errors import CaptureError
from edgekit.format.axes import MAX_ELEMENTS
from edgekit.format.schema import DTYPES

Array = npt.NDArray[np.generic]

_NUMBERS = {bool: "bool", int: "int64", float: "float64"}


def structure_of(value: Any) -> str:
    """The nesting of a value, with `*` for a tensor or number, for example `(*, {'logits': *})`.

    Raises:
        CaptureError: a leaf is not a tensor, a number or None.
    """
    if isinstance(value, torch.Tensor) or type(value) in _NUMBERS:
        return "*"
    if value is None:
        return "None"
    if isinstance(value, tuple):
        inner = ", ".join(structure_of(item) for item in value)
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, list):
        return f"[{', '.join(structure_of(item) for item in value)}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_quoted(str(key))}: {structure_of(item)}" for key, item in value.items()) + "}"
    raise CaptureError(
        f"the output holds a {type(value).__module__}.{type(value).__qualname__}; expected tensors, numbers, None, and tuples, "
        "lists or dicts of them. Wrap the model in a module that returns those."
    )


def _quoted(key: str) -> str:
    """The key in single quotes. Unlike `repr`, it never uses double quotes, so that every language spells it the same."""
    escaped = key.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def named_tensors(value: Any) -> dict[str, torch.Tensor]:
    """The tensors in a value by their flattened names. A single tensor has the name `0`.

    Raises:
        CaptureError: a package cannot hold a leaf of this type, dtype or size, or two leaves have the same name.
    """
    structure_of(value)
    named: dict[str, torch.Tensor] = {}
    for name, _, tensor in _walk(value, "", ()):
        if name in named:
            raise CaptureError(
                f"two outputs have the flattened name {name!r}. Rename a key of the dict that holds them."
            )
        dtype = str(tensor.dtype).removeprefix("torch.")
        if tensor.layout is not torch.strided or (dtype not in DTYPES and not tensor.is_quantized):
            layout = "" if tensor.layout is torch.strided else f"{tensor.layout} "
            raise CaptureError(
                f"output {name} is a {layout}tensor of {dtype}; expected a dense tensor of {', '.join(DTYPES)}. "
                "Convert it at the end of forward."
            )
        if tensor.numel() > MAX_ELEMENTS:
            raise CaptureError(
                f"output {name} has shape {list(tensor.shape)}; expected at most {MAX_ELEMENTS} elements. "
                "Return a smaller tensor, or use a smaller example input."
            )
        named[name] = tensor
    return named


def keys_of(value: Any) -> dict[str, tuple[Any, ...]]:
    """The keys and indices that lead to each tensor in a value, by its flattened name."""
    return {name: keys for name, keys, _ in _walk(value, "", ())}


def _walk(value: Any, prefix: str, keys: tuple[Any, ...]) -> Iterator[tuple[str, tuple[Any, ...], torch.Tensor]]:
    if isinstance(value, torch.Tensor):
        yield prefix or "0", keys, value.detach()
    elif type(value) in _NUMBERS:
        yield prefix or "0", keys, torch.tensor(value, dtype=getattr(torch, _NUMBERS[type(value)]))
    elif isinstance(value, Mapping | tuple | list):
        for key, item in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from _walk(item, f"{prefix}.{key}" if prefix else str(key), (*keys, key))


def to_array(tensor: torch.Tensor) -> Array:
    """A tensor as a C-contiguous array; quantized values are dequantized."""
    if tensor.is_quantized:
        tensor = tensor.dequantize()
    return np.require(tensor.detach().cpu().numpy(), requirements="C")


def named_arrays(value: Any) -> dict[str, Array]:
    """`named_tensors`, as numpy arrays that own their memory.

    A model can return its input or one of its constants: what is later written to an output must reach neither.
    """
    return {name: np.array(to_array(tensor)) for name, tensor in named_tensors(value).items()}
