"""The code of arguments in a generated adapter: tensors, nested values and records of them, and bound values."""

import keyword
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from edgekit.sources.arguments import Argument
from edgekit.sources.records import part_of, record_of


def literal(value: Any, constants: dict[str, Any]) -> str:
    """The code of a bound value; the name of a constant for one that has no literal, such as a dtype."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return f"float({str(value)!r})"
    if _has_literal(value):
        return repr(value)
    name = f"_bound_{len(constants)}"
    constants[name] = value
    return name


def _has_literal(value: Any) -> bool:
    if type(value) in (list, tuple):
        return all(map(_has_literal, value))
    if type(value) is dict:
        return all(map(_has_literal, [*value, *value.values()]))
    return value is None or type(value) in (bool, int, str) or (type(value) is float and math.isfinite(value))


def by_name(name: str, expression: str) -> str:
    """An argument by its name, which need not be one of Python's."""
    plain = name.isidentifier() and not keyword.iskeyword(name)
    return f"{name}={expression}" if plain else f"**{{{name!r}: {expression}}}"


def identifiers(names: Sequence[str]) -> dict[str, str]:
    """A different Python name for each flattened name."""
    found: dict[str, str] = {}
    for name in names:
        base = re.sub(r"\W", "_", name)
        base = f"{base}_" if keyword.iskeyword(base) or base in ("self", "value", "torch") else base
        while base in found.values():
            base += "_"
        found[name] = base
    return found


def passed(argument: Argument, names: Mapping[str, str], constants: dict[str, Any]) -> str:
    """How an argument is passed: a tensor, or a tuple, list, dict or record of tensors; by keyword unless by position.

    The classes of the records are added to `constants`.
    """
    parts = {spec.name.removeprefix(argument.name).lstrip("."): names[spec.name] for spec in argument.specs}
    expression = _nested(parts, argument.lists, argument.annotation, constants)
    return expression if argument.by_position else by_name(argument.name, expression)


def _nested(parts: Mapping[str, str], lists: tuple[bool, ...], annotation: Any, constants: dict[str, Any]) -> str:
    if list(parts) == [""]:
        return parts[""]
    groups: dict[str, dict[str, str]] = {}
    for path, name in parts.items():
        head, _, rest = path.partition(".")
        groups.setdefault(head, {})[rest] = name
    inside = {head: _nested(group, lists[1:], part_of(annotation, head), constants) for head, group in groups.items()}
    if (record := record_of(annotation)) is not None and not any(head.isdigit() for head in inside):
        constants[f"_{record.__name__}"] = record
        return f"_{record.__name__}({', '.join(f'{head}={expression}' for head, expression in inside.items())})"
    if all(head.isdigit() for head in inside):
        ordered = [inside[head] for head in sorted(inside, key=int)]
        return f"[{', '.join(ordered)}]" if any(lists[:1]) else f"({', '.join(ordered)},)"
    return "{" + ", ".join(f"{head!r}: {expression}" for head, expression in inside.items()) + "}"
