"""Refuses one tensor for a parameter that takes a list, tuple or dict of tensors: the model would take its rows for the list."""

import ast
import inspect
import re
import textwrap
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.utils import _pytree

from edgekit.errors import UsageError
from edgekit.format.generator import generate
from edgekit.sources.arguments import Argument, option_of, size_text
from edgekit.sources.copies import detached_copy
from edgekit.sources.records import annotations_of, fields_of, record_of

_CONTAINERS: dict[type, str] = {list: "list", tuple: "tuple", dict: "dict", Sequence: "list", Mapping: "dict"}
_TEXT = re.compile(r"^(typing\.)?(Optional\[)?(typing\.)?(?P<kind>List|Sequence|Tuple|Dict|Mapping)\b", re.IGNORECASE)
_LOOPS = ("enumerate", "zip", "reversed", "sorted")


def check_lists(module: nn.Module, arguments: Sequence[Argument], method: str = "forward") -> None:
    """Checks that each parameter which gets one tensor takes one.

    A parameter takes a list or the like by its annotation. One without an annotation does so if it is unpacked, or if a loop
    over it gives one output for each of its rows.

    Raises:
        UsageError: a parameter takes several tensors.
    """
    plain = [a for a in arguments if [spec.name for spec in a.specs] == [a.name]]
    function: Callable[..., Any] = getattr(module, method)
    annotations = annotations_of(function)
    loose = [a for a in plain if annotations.get(a.name, Any) is Any]
    uses = _Uses({a.name for a in loose})
    if loose and (tree := _parsed(function)) is not None:
        uses.visit(tree)
    for argument in plain:
        if (record := record_of(annotations.get(argument.name))) is not None:
            raise UsageError(_message(record.__name__, argument, method, fields_of(record)))
        kind = _container(annotations.get(argument.name, Any))
        if not kind and argument in loose and argument.name not in uses.checked:
            unpacked = argument.name in uses.unpacked
            looped = argument.name in uses.looped and _grows(
                getattr(detached_copy(module), method), arguments, argument
            )
            kind = "list" if unpacked or looped else ""
        if kind:
            keys = ("KEY",) if kind == "dict" else ("0", "1")
            raise UsageError(_message(kind, argument, method, keys, loose=argument in loose))


def _message(kind: str, argument: Argument, method: str, keys: Sequence[str], *, loose: bool = False) -> str:
    size = size_text(argument.specs[0])
    given = " ".join(f"{option_of(method)}{argument.name}.{key}={size}" for key in keys)
    other = " If it takes one tensor, annotate it with torch.Tensor." if loose else ""
    return (
        f"{method} takes a {kind} of tensors as {argument.name!r}, and one tensor was given. Pass each tensor of it, for example "
        f"{given}; in Python, pass a {kind}.{other}"
    )


def _container(annotation: Any) -> str:
    """What an annotation takes: list, tuple or dict; empty if it takes a tensor or anything else."""
    if isinstance(annotation, str):
        found = _TEXT.match(annotation)
        name = "" if found is None else found["kind"].lower()
        return {"sequence": "list", "mapping": "dict"}.get(name, name)
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        members = [kind for kind in typing.get_args(annotation) if kind is not type(None)]
        return "" if any(not _container(kind) for kind in members) else _container(members[0])
    kind = origin or annotation
    return _CONTAINERS.get(kind, "") if isinstance(kind, type) else ""


def _parsed(function: Callable[..., Any]) -> ast.AST | None:
    """The code of a method, if it has any."""
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return None


class _Uses(ast.NodeVisitor):
    """How a function uses some parameters: unpacked, looped over, or checked with isinstance or assigned again."""

    def __init__(self, names: set[str]) -> None:
        self._names = names
        self.unpacked: set[str] = set()
        self.looped: set[str] = set()
        self.checked: set[str] = set()

    def visit_Assign(self, node: ast.Assign) -> None:
        if any(isinstance(target, ast.Tuple | ast.List) for target in node.targets):
            self.unpacked |= self._named(node.value)
        self.generic_visit(node)

    def visit_For(self, node: ast.For) -> None:
        self._loop(node.iter)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        self._loop(node.iter)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Name) and node.func.id == "isinstance":
            self.checked |= self._named(node.args[0])
        if isinstance(node.func, ast.Name) and node.func.id in ("len", "map"):
            self.looped |= self._named(node.args[-1])
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Store):
            self.checked |= self._named(node)

    def _loop(self, node: ast.expr) -> None:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _LOOPS:
            for part in node.args:
                self.looped |= self._named(part)
        self.looped |= self._named(node)

    def _named(self, node: ast.expr) -> set[str]:
        return {node.id} & self._names if isinstance(node, ast.Name) else set()


def _grows(function: Callable[..., Any], arguments: Sequence[Argument], argument: Argument) -> bool:
    """Whether another number of rows of an input gives another number of outputs."""
    (given,) = argument.specs
    if not given.shape or not all(each.plain for each in arguments):
        return False
    rows = given.shape[0]
    counts = {_outputs(function, arguments, argument, count) for count in (rows - 1, rows, rows + 1) if count > 0}
    return len(counts - {0}) > 1


def _outputs(function: Callable[..., Any], arguments: Sequence[Argument], argument: Argument, rows: int) -> int:
    """The number of outputs for a number of rows of an input; 0 if the function refuses it."""
    specs = [(spec, each is argument) for each in arguments for spec in each.specs]
    goldens = [spec.golden(1, (rows, *spec.shape[1:]) if resized else spec.shape) for spec, resized in specs]
    try:
        with torch.no_grad():
            return len(_pytree.tree_leaves(function(*(torch.from_numpy(generate(golden)) for golden in goldens))))
    except Exception:  # the references report it
        return 0
