"""Descriptions of a model's inputs: `1x3x224x224:float32`, `tokens=1x16:int64[0,1000]` or `sample.npy`."""

import difflib
import inspect
import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgekit.errors import UsageError
from edgekit.files import may_never_end
from edgekit.format.axes import MAX_ELEMENTS
from edgekit.format.generator import generate
from edgekit.format.golden import GoldenInput
from edgekit.format.schema import DTYPES
from edgekit.sources.records import annotations_of

Array = npt.NDArray[np.generic]

_PATTERN = re.compile(
    r"^(?P<shape>scalar|\d+(?:x\d+)*)(?::(?P<dtype>\w+)(?:\[(?P<low>[^,\]]+),(?P<high>[^,\]]+)\])?)?$"
)
_RANGES = {"float32": (-2.0, 2.0), "float64": (-2.0, 2.0), "uint8": (0, 255)}
_DIGITS = 10
_GRID = 1024  # float bounds are multiples of 2^-10, so that the generator's product is exact (docs/format.md)
_HELP = "Expected [NAME=]SHAPE[:DTYPE[LOW,HIGH]], for example 1x3x224x224 or ids=1x16:int64[0,1000], or a .npy file."


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSpec:
    """One input of `forward`. `sample` is the user's array, if one was given."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    low: int | float
    high: int | float
    sample: Array | None = None

    def golden(self, seed: int, shape: tuple[int, ...] | None = None) -> GoldenInput:
        """This input as the generator makes it from a seed, in its own shape or another one."""
        return GoldenInput(
            name=self.name, dtype=self.dtype, shape=shape or self.shape, seed=seed, low=self.low, high=self.high
        )

    def generate(self, seed: int) -> Array:
        return generate(self.golden(seed))

    def first(self) -> Array:
        """The user's array, or else the first draw."""
        return self.generate(1) if self.sample is None else self.sample.copy()


def parse_input(text: str) -> InputSpec:
    """Parses one `--input`. The name is empty if none was given.

    Raises:
        UsageError: the text or the file does not have the expected form.
    """
    name, equals, rest = text.partition("=")
    if not equals:
        name, rest = "", text
    elif not re.fullmatch(r"[^\W\d]\w*(\.\w+)*", name):
        raise UsageError(f"--input {text}: {name!r} is not a parameter name. {_HELP}")
    if rest.endswith(".npy"):
        return from_array(name, load_npy(rest))
    match = _PATTERN.match(rest)
    if match is None:
        raise UsageError(f"--input {text} is malformed. {_HELP}")
    dtype = match["dtype"] or "float32"
    if dtype not in DTYPES:
        raise UsageError(f"--input {text}: unknown dtype {dtype!r}; expected one of {', '.join(DTYPES)}.")
    shape = () if match["shape"] == "scalar" else _shape(match["shape"], text)
    low, high = _RANGES.get(dtype, (0, 1))
    if match["low"] is not None:
        low, high = _bound(match["low"], dtype, text), _bound(match["high"], dtype, text)
    return _spec(name, dtype, shape, low, high, f"--input {text}")


def _shape(text: str, whole: str) -> tuple[int, ...]:
    sizes = text.split("x")
    if any(len(size) > _DIGITS for size in sizes) or not 0 < math.prod(map(int, sizes)) <= MAX_ELEMENTS:
        raise UsageError(f"--input {whole[:80]}: a shape has 1 to {MAX_ELEMENTS} elements. {_HELP}")
    return tuple(map(int, sizes))


def _bound(text: str, dtype: str, whole: str) -> int | float:
    try:
        return float(text) if dtype.startswith("float") else int(text)
    except ValueError as error:
        raise UsageError(f"--input {whole}: the bound {text!r} is not a {dtype} number. {_HELP}") from error


def _spec(
    name: str, dtype: str, shape: tuple[int, ...], low: float, high: float, what: str, sample: Array | None = None
) -> InputSpec:
    least, most = _limits(dtype)
    if not least <= low <= high <= most:  # false for NaN too
        raise UsageError(
            f"{what}: the range [{low}, {high}] is empty or not within [{least:g}, {most:g}]. Scale the input, or pass a range."
        )
    if dtype.startswith("float"):
        low, high = math.floor(low * _GRID) / _GRID, math.ceil(high * _GRID) / _GRID
    return InputSpec(name=name, dtype=dtype, shape=shape, low=low, high=high, sample=sample)


def _limits(dtype: str) -> tuple[float, float]:
    """The widest range that both the dtype and the generator allow."""
    if dtype.startswith("float"):
        return -(2.0**14), 2.0**14
    if dtype == "bool":
        return 0, 1
    info = np.iinfo(dtype)
    return max(info.min, -(2**31)), min(info.max, 2**31)


def from_array(name: str, array: Array) -> InputSpec:
    """An input with the shape, dtype and range of an array.

    Elements that the generator cannot make do not count for the range: infinite and huge ones, as attention masks have them.
    """
    dtype = str(array.dtype)
    if dtype not in DTYPES:
        raise UsageError(
            f"input {name or 'array'} is {dtype}; expected one of {', '.join(DTYPES)}. Convert it with .astype()."
        )
    if array.size == 0:
        raise UsageError(
            f"input {name or 'array'} has shape {list(array.shape)} and no elements, so its answer proves nothing. Pass an "
            "example with at least one element."
        )
    if array.size > MAX_ELEMENTS:
        raise UsageError(
            f"input {name or 'array'} has shape {list(array.shape)}; expected at most {MAX_ELEMENTS} elements."
        )
    if np.isnan(array).any():
        raise UsageError(f"input {name or 'array'} has NaN elements; expected numbers. Replace them.")
    least, most = _limits(dtype)
    usual = array[np.greater_equal(array, least) & np.less_equal(array, most)]
    number = float if array.dtype.kind == "f" else int
    low, high = (number(usual.min()), number(usual.max())) if usual.size else (0, 0)
    return _spec(name, dtype, array.shape, low, high, f"input {name or 'array'}", array)


def load_npy(path: str | Path) -> Array:
    """Reads a `.npy` file. Pickled objects are refused.

    Raises:
        UsageError: the file does not exist, or does not hold an array.
    """
    try:
        if may_never_end(Path(path)):
            raise UsageError(f"input {path} is a pipe or a device; expected a .npy file. Copy its content to one.")
        with Path(path).open("rb") as file:
            array: Array = np.lib.format.read_array(file, allow_pickle=False)
    except FileNotFoundError as error:
        raise UsageError(f"input {path} does not exist.") from error
    except (OSError, ValueError, EOFError, MemoryError) as error:
        raise UsageError(
            f"input {path} is not a .npy file with an array: {error}. Write it with numpy.save."
        ) from error
    return array


def option_of(method: str) -> str:
    """The option that gives the inputs of a method, up to where an input begins."""
    return "--input " if method == "forward" else f"--method {method}:"


def check_distinct(given: Sequence[InputSpec], method: str = "forward") -> None:
    """Raises UsageError if two inputs of a method have the same name."""
    names = [spec.name for spec in given if spec.name]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UsageError(
            f"{option_of(method)}{twice[0]}=… was given {names.count(twice[0])} times; give each input once."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """A parameter of `forward` and the inputs that make it: one tensor, or several with names such as `state.0`.

    `plain` says that position and one tensor are enough. `lists` says for each depth of a nested
    parameter whether its annotation is a list there; the annotation may also be a dataclass or a named tuple.
    """

    name: str
    specs: tuple[InputSpec, ...]
    by_position: bool
    lists: tuple[bool, ...] = ()
    annotation: Any = None

    @property
    def plain(self) -> bool:
        return self.by_position and [spec.name for spec in self.specs] == [self.name]


def arguments_of(
    function: Callable[..., Any], given: Sequence[InputSpec], bound: Collection[str] = (), method: str = "forward"
) -> tuple[Argument, ...]:
    """Groups the inputs by the parameters of a method, in their order, and names those that have no name.

    Args:
        function: the method to call.
        given: the inputs; a name is a parameter's, or one with a path inside it such as `state.0`.
        bound: parameters that get other values than tensors.
        method: the name of the method, for messages.

    Raises:
        UsageError: the names or the number of inputs do not match the signature.
    """
    signature = list(inspect.signature(function).parameters.values())
    parameters = [p for p in signature if p.name not in bound]
    named = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    names = [p.name for p in named]
    check_distinct(given, method)
    unnamed = [spec for spec in given if not spec.name]
    _check_bound(signature, given, bound, method)
    star = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), None)
    groups: dict[str, list[InputSpec]] = {}
    for spec in given:
        if spec.name:
            head, _, rest = spec.name.partition(".")
            group = f"{head}.{rest.partition('.')[0]}" if head == star and rest else head
            groups.setdefault(group, []).append(spec)
    for name in [p.name for p in named if p.kind is not p.KEYWORD_ONLY]:
        if name not in groups and unnamed:
            groups[name] = [replace(unnamed.pop(0), name=name)]
    if star is not None:
        for index, spec in enumerate(unnamed, len(groups)):
            groups[f"input{index}"] = [replace(spec, name=f"input{index}")]
        names += [name for name in groups if name not in names]
        unnamed = []
    takes_more = any(p.kind is p.VAR_KEYWORD for p in parameters)
    listed = ", ".join(map(str, parameters))
    if unknown := [name for name in groups if name not in names and not takes_more]:
        raise UsageError(f"{option_of(method)}{unknown[0]}=…: {method} has no such parameter; it takes ({listed}).")
    missing = [p for p in named if p.default is p.empty and p.name not in groups]
    if unnamed and (takes_more or any(p.kind is p.KEYWORD_ONLY for p in missing)):
        name = missing[0].name if missing else "NAME"
        raise UsageError(
            f"{method} takes ({listed}), and an input without a name was given. Pass its name, for example "
            f"{option_of(method)}{name}={size_text(unnamed[0])}."
        )
    if missing:
        option = option_of(method).strip()
        what = f"Add --bind {missing[0].name}=VALUE." if _is_value(missing[0]) else f"Add {option}. {_HELP}"
        raise UsageError(f"{method} takes ({listed}) and no input was given for {missing[0].name!r}. {what}")
    if unnamed:
        raise UsageError(f"{len(given)} inputs were given, and {method} takes ({listed}). Pass fewer inputs.")
    return _in_order(signature, groups, annotations_of(function))


def size_text(spec: InputSpec) -> str:
    """The shape of an input as `--input` takes it."""
    return "x".join(map(str, spec.shape)) or "scalar"


def _is_value(parameter: inspect.Parameter) -> bool:
    """Whether a parameter takes a number, a flag or a text, by its annotation."""
    return getattr(parameter.annotation, "__name__", parameter.annotation) in ("int", "float", "bool", "str")


def _check_bound(
    signature: Sequence[inspect.Parameter], given: Sequence[InputSpec], bound: Collection[str], method: str
) -> None:
    """Raises UsageError if a bound name is not a parameter, or is an input too."""
    names = [p.name for p in signature if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    for name in bound:
        if name not in names and not any(p.kind is p.VAR_KEYWORD for p in signature):
            near = difflib.get_close_matches(name, names, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise UsageError(
                f"--bind {name}=…: {method} has no such parameter; it takes ({', '.join(map(str, signature))}).{hint}"
            )
        if name in {spec.name.partition(".")[0] for spec in given}:
            raise UsageError(f"{name} was given with {option_of(method).strip()} and with --bind; give it once.")


def _in_order(
    parameters: Sequence[inspect.Parameter], groups: dict[str, list[InputSpec]], annotations: Mapping[str, Any]
) -> tuple[Argument, ...]:
    """The arguments in the order of the signature; by position as long as no parameter before is left out or bound."""
    found, by_position = [], True
    for parameter in parameters:
        if parameter.kind is parameter.VAR_POSITIONAL:
            extras = [name for name in groups if re.fullmatch(rf"input\d+|{parameter.name}(\.\d+)?", name)]
            extras.sort(key=lambda name: int(re.sub(r"\D", "", name.removeprefix(parameter.name)) or 0))
            found += [Argument(name=name, specs=tuple(groups.pop(name)), by_position=True) for name in extras]
        elif parameter.kind is not parameter.VAR_KEYWORD:
            by_position = by_position and parameter.name in groups and parameter.kind is not parameter.KEYWORD_ONLY
            if parameter.name in groups:
                kinds = re.findall(r"\b(?:list|sequence|tuple|dict|mapping)\b", str(parameter.annotation).lower())
                lists = tuple(kind in ("list", "sequence") for kind in kinds)
                specs = tuple(groups.pop(parameter.name))
                annotation = annotations.get(parameter.name)
                found.append(
                    Argument(
                        name=parameter.name, specs=specs, by_position=by_position, lists=lists, annotation=annotation
                    )
                )
    return (*found, *(Argument(name=name, specs=tuple(specs), by_position=False) for name, specs in groups.items()))
