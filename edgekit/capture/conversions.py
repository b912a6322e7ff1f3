"""Finds where a traced model turns a size into a Python number. The trace keeps the number as a constant."""

import dis
import math
import operator
import sys
import types
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

_METHODS = ("__bool__", "__int__", "__float__", "__index__", "__len__", "__iter__", "item", "tolist")
_LENGTHS = ("__len__", "__iter__")
_COMPARISONS = ("aten::eq", "aten::ne", "aten::gt", "aten::ge", "aten::lt", "aten::le")
# Comparisons of a size with a constant that have one answer for the size 1, and one for all other sizes.
_ABOUT_ONE = {(kind, n) for kind in _COMPARISONS for n in (0, 1)} | {("aten::lt", 2), ("aten::ge", 2)}
_NN = Path(torch.__file__).parent / "nn"
_CHECKS_OF_TORCH = (str(_NN / "functional.py"), str(_NN / "modules"))  # they raise an error for a wrong size
_LISTS_OF_TORCH = str(_NN / "modules" / "container.py")  # but these take an element of a list
_SAME = ("prim::NumToTensor", "aten::Int", "aten::ScalarImplicit", "aten::detach")
_PERIODIC = ("aten::remainder", "aten::fmod")
# Each of them grows or falls with a size as long as its other operand stays, except the remainders.
_ARITHMETIC: dict[str, Callable[..., float]] = {
    "aten::add": lambda a, b, alpha=1.0: a + alpha * b,
    "aten::sub": lambda a, b, alpha=1.0: a - alpha * b,
    "aten::rsub": lambda a, b, alpha=1.0: alpha * b - a,
    "aten::mul": operator.mul,
    "aten::neg": operator.neg,
    "aten::floor_divide": operator.floordiv,
    "aten::remainder": operator.mod,
}
_SUBSCRIPTS = {"BINARY_SUBSCR", "BINARY_SLICE", "STORE_SUBSCR", "STORE_SLICE"}  # the tracer records slices of tensors
_TEXTS = {"FORMAT_VALUE", "FORMAT_SIMPLE", "FORMAT_WITH_SPEC", "CONVERT_VALUE"}  # of f-strings, as in messages
_THIS_FILE = __file__


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """A Python number that comes from sizes, and the sizes.

    `identity` means that sizes are compared and found equal. `about_one` means that one size is compared, and the answer
    depends only on whether it is 1. `settled` is what must be the same at other sizes for a trace to hold there: the answer of a
    comparison; or the values, if they have a remainder in them (`periodic`). None if no finite set of sizes proves that.
    """

    path: str
    line: int
    sizes: tuple[int, ...]
    identity: bool = False
    about_one: bool = False
    settled: tuple[float, ...] | None = None
    periodic: bool = False


@contextmanager
def recorded_conversions(caught: list[warnings.WarningMessage]) -> Iterator[list[Conversion]]:
    """Records the conversions of sizes in the traces that are made in the block.

    Args:
        caught: the list in which warnings are recorded. The tracer's warnings would name a line of this file; they are changed
            to name the line of the model.
    """
    found: list[Conversion] = []
    own = {name: vars(torch.Tensor)[name] for name in _METHODS if name in vars(torch.Tensor)}
    for name in _METHODS:
        setattr(torch.Tensor, name, _recording(name, found, caught))
    try:
        yield found
    finally:
        for name in _METHODS:
            if name in own:
                setattr(torch.Tensor, name, own[name])
            else:
                delattr(torch.Tensor, name)


def lines_that_depend(
    example: Sequence[Conversion], other: Sequence[Conversion], *, periods: bool = False
) -> tuple[str, ...]:
    """The lines whose numbers depend on the sizes that differ between two traces of the same model.

    A comparison of sizes with the same answer in both does not: `edgekit.capture.sizes` asks at the ends of a range too.
    With `periods`, a remainder with the same value in both does not either.
    """
    places = dict.fromkeys((c.path, c.line) for c in (*example, *other))
    mine, others = (_by_place(trace) for trace in (example, other))
    return tuple(
        f"{Path(place[0]).name}:{place[1]}"
        for place in places
        if _depends(mine.get(place, []), others.get(place, []), periods)
    )


def _by_place(trace: Sequence[Conversion]) -> dict[tuple[str, int], list[Conversion]]:
    found: dict[tuple[str, int], list[Conversion]] = {}
    for conversion in trace:
        found.setdefault((conversion.path, conversion.line), []).append(conversion)
    return found


def _depends(example: list[Conversion], other: list[Conversion], periods: bool) -> bool:
    mine, others = ([c for c in each if not c.identity] for each in (example, other))
    if len(mine) != len(others):
        return True
    return any(
        a.sizes != b.sizes and not _both_answers(a, b) and not _same_answer(a, b, periods)
        for a, b in zip(mine, others, strict=True)
    )


def _same_answer(a: Conversion, b: Conversion, periods: bool) -> bool:
    return a.settled is not None and a.settled == b.settled and (periods or not (a.periodic or b.periodic))


def asked_of_sizes(example: Sequence[Conversion], other: Sequence[Conversion]) -> list[Conversion]:
    """The comparisons in the first trace of sizes that differ in the other one, with the same answer in both."""
    others = {(c.path, c.line, c.sizes) for c in other}
    return [c for c in example if c.settled is not None and (c.path, c.line, c.sizes) not in others]


def _both_answers(a: Conversion, b: Conversion) -> bool:
    """Whether the two traces are for both answers of a comparison with 1, so that the probes compared both with eager."""
    return a.about_one and b.about_one and ((1 in a.sizes) != (1 in b.sizes))


def _recording(name: str, found: list[Conversion], caught: list[warnings.WarningMessage]) -> Any:
    original = getattr(torch.Tensor, name)

    def recording(tensor: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        caller = sys._getframe(1)
        path, line, before = caller.f_code.co_filename, caller.f_lineno, len(caught)
        try:
            result = original(tensor, *args, **kwargs)
        finally:
            for warning in caught[before:]:
                if warning.filename == _THIS_FILE:
                    warning.filename, warning.lineno = path, line
        if torch._C._get_tracing_state() is not None and not _is_harmless(caller, name):
            conversion = _conversion(tensor, name, result, path, line)
            if conversion.sizes:
                found.append(conversion)
        return result

    return recording


def _is_harmless(caller: types.FrameType, name: str) -> bool:
    """Whether a conversion is for one of torch's own checks, the index of a tensor, or a text."""
    path, code = caller.f_code.co_filename, caller.f_code.co_code
    if path.startswith(_CHECKS_OF_TORCH) and path != _LISTS_OF_TORCH:
        return True
    operation = dis.opname[code[caller.f_lasti]]
    return operation in _TEXTS or (name == "__index__" and operation in _SUBSCRIPTS)


def _conversion(tensor: torch.Tensor, name: str, result: Any, path: str, line: int) -> Conversion:
    tracer: Any = torch._C
    value = tracer._get_value_trace(tensor)
    if name in _LENGTHS:
        return Conversion(path=path, line=line, sizes=tuple(_sizes_of(value)[:1]))
    leaves: list[int] = []
    text = _expression(value, leaves)
    periodic = any(kind in text for kind in _PERIODIC)
    node = value.node()
    sides = list(node.inputs())
    if node.kind() not in _COMPARISONS or len(sides) != 2:
        number = _number(value) if periodic else None
        settled = None if number is None else (number,)
        return Conversion(path=path, line=line, sizes=tuple(leaves), settled=settled, periodic=periodic)
    from_sides: tuple[list[int], list[int]] = ([], [])
    texts = [_expression(side, seen) for side, seen in zip(sides, from_sides, strict=True)]
    equal = all(from_sides) and (node.kind(), result) in (("aten::eq", True), ("aten::ne", False))
    constant = sides[1].toIValue() if sides[1].node().kind() == "prim::Constant" else None
    about_one = texts[0].startswith("size(") and (node.kind(), constant) in _ABOUT_ONE
    return Conversion(
        path=path,
        line=line,
        sizes=tuple(leaves),
        identity=texts[0] == texts[1] or equal,
        about_one=about_one,
        settled=_settled(node.kind(), [_number(side) for side in sides], periodic),
        periodic=periodic,
    )


def _settled(kind: str, numbers: Sequence[float | None], periodic: bool) -> tuple[float, ...] | None:
    """Of a comparison: both values if they have a remainder in them, else the answer.

    The answers `equal` and `not equal` need the sign of the difference: between two sizes with one sign there is no zero.
    """
    left, right = numbers
    if left is None or right is None:
        return None
    if periodic:
        return (left, right)
    sign = (left > right) - (left < right)
    if kind in ("aten::eq", "aten::ne"):
        return (sign,) if sign else None
    return ({"aten::gt": sign > 0, "aten::ge": sign >= 0, "aten::lt": sign < 0, "aten::le": sign <= 0}[kind],)


def _number(value: Any) -> float | None:
    """The value of an expression of sizes and constants; None if it has anything else in it."""
    node = value.node()
    kind, inputs = node.kind(), list(node.inputs())
    if kind == "prim::Constant":
        constant = value.toIValue()
        if isinstance(constant, torch.Tensor) and constant.numel() == 1:
            return float(constant)
        return float(constant) if isinstance(constant, bool | int | float) else None
    if kind in ("aten::size", "aten::numel", "aten::len"):
        leaves: list[int] = []
        _expression(value, leaves)
        return float(math.prod(leaves))
    if kind in _SAME:
        return _number(inputs[0])
    if kind in _ARITHMETIC:
        numbers = [_number(each) for each in inputs if not isinstance(each.type(), torch._C.NoneType)]
        if all(number is not None for number in numbers):
            return _ARITHMETIC[kind](*numbers)
    return None


def _expression(value: Any, leaves: list[int]) -> str:
    """A value of the trace as text, as far as it is computed from sizes and constants. `leaves` receives the sizes."""
    node = value.node()
    kind, inputs = node.kind(), list(node.inputs())
    if kind == "prim::Constant":
        return str(value.toIValue())
    if kind == "prim::NumToTensor":
        return _expression(inputs[0], leaves)
    if kind in ("aten::size", "aten::numel", "aten::len"):
        sizes = _sizes_of(inputs[0])
        axis = inputs[1].toIValue() if len(inputs) == 2 else None
        if axis is not None:
            sizes = [sizes[axis]]
        leaves.extend(sizes)
        return f"{kind.removeprefix('aten::')}({inputs[0].debugName()}, {axis})"
    is_data = isinstance(value.type(), torch._C.TensorType) and value.type().dim() != 0
    if is_data or not inputs:
        return str(value.debugName())
    return f"{kind}({', '.join(_expression(each, leaves) for each in inputs)})"


def _sizes_of(value: Any) -> list[int]:
    return list(value.type().sizes() or ()) if isinstance(value.type(), torch._C.TensorType) else []
