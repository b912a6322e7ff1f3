"""Captures code that concerns gradients as plain code: autograd functions, and statements that switch gradients on or off."""

import ast
import inspect
import itertools
import linecache
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

_numbers = itertools.count()


class GradMode:
    """Stands for the classes of torch that switch gradients on or off. It is scripted, so every name in it is needed."""

    def __init__(self, mode: bool = True) -> None:
        self.mode = mode

    def __enter__(self) -> None:
        pass

    def __exit__(self, type: Any, value: Any, tb: Any) -> None:  # noqa: A002  the compiler wants these names
        pass


@contextmanager
def traced_functions() -> Iterator[None]:
    """Runs the forward of every `torch.autograd.Function` as plain code, so that the trace contains its operators.

    A graph that calls a Function cannot be saved, and inference does not need its backward.
    """

    def plain(cls: Any, *args: Any, **kwargs: Any) -> Any:
        return cls.forward(*((_FunctionContext(), *args) if _has_context(cls) else args), **kwargs)

    with _replaced(torch.autograd.Function, "apply", classmethod(plain)):
        yield


@contextmanager
def scriptable() -> Iterator[None]:
    """The same for the compiler, which also knows none of the classes that switch gradients, except `no_grad`."""
    with (
        _replaced(torch.autograd.Function, "apply", _Forward()),
        _replaced(torch, "enable_grad", GradMode),
        _replaced(torch, "inference_mode", GradMode),
        _replaced(torch, "set_grad_enabled", GradMode),
    ):
        yield


@contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    original = vars(owner)[name]
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, original)


def _has_context(function: Any) -> bool:
    """Whether forward takes the context, as in a Function without its own `setup_context`."""
    return function.setup_context is torch.autograd.function._SingleLevelFunction.setup_context


class _FunctionContext:
    """The context for the forward of a Function. It ignores what forward saves, because backward never runs."""

    def __init__(self) -> None:
        self.needs_input_grad: tuple[bool, ...] = ()

    def save_for_backward(self, *_: Any) -> None: ...

    def save_for_forward(self, *_: Any) -> None: ...

    def mark_dirty(self, *_: Any) -> None: ...

    def mark_non_differentiable(self, *_: Any) -> None: ...

    def set_materialize_grads(self, _: bool) -> None: ...


class _Forward:
    """In place of `apply`: the forward of the class, as a function that the compiler takes."""

    def __get__(self, _: Any, function: Any) -> Callable[..., Any]:
        forward: Callable[..., Any] = function.forward
        return _without_context(forward) if _has_context(function) else forward


def _without_context(forward: Callable[..., Any]) -> Callable[..., Any]:
    """A forward without its first parameter, and without the statements that save values for backward."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(forward))).body
    assert isinstance(definition, ast.FunctionDef)
    definition.decorator_list = []
    kept = _Saving(definition.args.args.pop(0).arg).visit(definition)
    source = ast.unparse(ast.fix_missing_locations(kept))
    path = f"<edgekit function {next(_numbers)}>"
    linecache.cache[path] = (len(source), None, source.splitlines(keepends=True), path)
    namespace = {**getattr(forward, "__globals__", {}), **inspect.getclosurevars(forward).nonlocals}
    exec(compile(source, path, "exec"), namespace)
    made: Callable[..., Any] = namespace[definition.name]
    return made


class _Saving(ast.NodeTransformer):
    """Removes calls of the context's methods, and assignments to its attributes."""

    def __init__(self, context: str) -> None:
        self._context = context

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        return ast.Pass() if isinstance(node.value, ast.Call) and self._owns(node.value.func) else node

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        return ast.Pass() if all(map(self._owns, node.targets)) else node

    def _owns(self, node: ast.AST) -> bool:
        return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == self._context
