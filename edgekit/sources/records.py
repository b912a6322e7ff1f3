"""Parameters that take a dataclass or a named tuple of tensors, found by their annotations."""

import contextlib
import dataclasses
import inspect
import types
import typing
from collections.abc import Callable, Iterator
from typing import Any


def annotations_of(function: Callable[..., Any]) -> dict[str, Any]:
    """The annotations of a method, resolved where that is possible; `Any` where there is none."""
    found = {name: p.annotation for name, p in inspect.signature(function).parameters.items()}
    with contextlib.suppress(Exception):  # names that only a type checker knows
        found |= typing.get_type_hints(function)
    return {name: Any if kind is inspect.Parameter.empty else kind for name, kind in found.items()}


def record_of(annotation: Any) -> type | None:
    """The dataclass or named tuple that an annotation names, alone or with None; its parts have names and no numbers."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        members = [kind for kind in typing.get_args(annotation) if kind is not type(None)]
        return record_of(members[0]) if len(members) == 1 else None
    if not isinstance(annotation, type):
        return None
    return annotation if dataclasses.is_dataclass(annotation) or hasattr(annotation, "_fields") else None


def part_of(annotation: Any, key: str) -> Any:
    """The annotation of a part: a field of a record, or an item of a list, tuple or dict."""
    record = record_of(annotation)
    if record is not None:
        with contextlib.suppress(Exception):  # names that only a type checker knows
            return typing.get_type_hints(record).get(key, Any)
        return Any
    items = [kind for kind in typing.get_args(annotation) if kind not in (type(None), Ellipsis)]
    if not items:
        return Any
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return part_of(items[0], key)
    return items[int(key)] if key.isdigit() and int(key) < len(items) else items[-1]


def fields_of(record: type) -> list[str]:
    """The fields of a dataclass or named tuple that have no default; all of them if each has one."""
    parameters = inspect.signature(record).parameters.values()
    return [p.name for p in parameters if p.default is p.empty] or [p.name for p in parameters]


def is_record(value: Any) -> bool:
    return not isinstance(value, type) and (dataclasses.is_dataclass(value) or hasattr(type(value), "_fields"))


def parts_of(value: Any) -> Iterator[tuple[str, Any]]:
    """The fields of a dataclass or named tuple that are not None, with their names."""
    names = getattr(type(value), "_fields", None) or [field.name for field in dataclasses.fields(value)]
    return ((name, getattr(value, name)) for name in names if getattr(value, name) is not None)
