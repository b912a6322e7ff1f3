"""Descriptions of a model's inputs: `1x3x224x224:float32`, `tokens=1x16:int64[0,1000]` or `sample.npy`."""

import inspect
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgekit.errors import UsageError
from edgekit.format.generator import generate
from edgekit.format.schema import DTYPES, MAX_ELEMENTS, GoldenInput

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


def parse_input(text: str) -> InputSpec:
    """Parses one `--input`. The name is empty if none was given.

    Raises:
        UsageError: the text or the file does not have the expected form.
    """
    name, equals, rest = text.partition("=")
    if not equals:
        name, rest = "", text
    elif not name.isidentifier():
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
    """An input with the shape, dtype and range of an array."""
    dtype = str(array.dtype)
    if dtype not in DTYPES:
        raise UsageError(
            f"input {name or 'array'} is {dtype}; expected one of {', '.join(DTYPES)}. Convert it with .astype()."
        )
    if not 0 < array.size <= MAX_ELEMENTS:
        raise UsageError(
            f"input {name or 'array'} has shape {list(array.shape)}; expected 1 to {MAX_ELEMENTS} elements."
        )
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise UsageError(f"input {name or 'array'} has NaN or infinite elements; expected finite ones.")
    low, high = (
        (float(array.min()), float(array.max())) if array.dtype.kind == "f" else (int(array.min()), int(array.max()))
    )
    return _spec(name, dtype, array.shape, low, high, f"input {name or 'array'}", array)


def load_npy(path: str | Path) -> Array:
    """Reads a `.npy` file. Pickled objects are refused.

    Raises:
        UsageError: the file does not exist, or does not hold an array.
    """
    try:
        with Path(path).open("rb") as file:
            array: Array = np.lib.format.read_array(file, allow_pickle=False)
    except FileNotFoundError as error:
        raise UsageError(f"input {path} does not exist.") from error
    except (OSError, ValueError, EOFError, MemoryError) as error:
        raise UsageError(
            f"input {path} is not a .npy file with an array: {error}. Write it with numpy.save."
        ) from error
    return array


def check_distinct(given: Sequence[InputSpec]) -> None:
    """Raises UsageError if two inputs have the same name."""
    names = [spec.name for spec in given if spec.name]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UsageError(f"--input {twice[0]}=… was given {names.count(twice[0])} times; give each input once.")


def named_for(forward: Callable[..., Any], given: Sequence[InputSpec]) -> tuple[InputSpec, ...]:
    """Puts the inputs in the order of the parameters of `forward`, and names each after its parameter.

    Raises:
        UsageError: the names or the number of inputs do not match the signature, or a parameter is keyword-only.
    """
    signature = inspect.signature(forward).parameters.values()
    by_keyword = [
        p for p in signature if p.kind is p.VAR_KEYWORD or (p.kind is p.KEYWORD_ONLY and p.default is p.empty)
    ]
    if by_keyword:
        raise UsageError(
            f"forward takes {by_keyword[0]} only by keyword, which neither tracing nor scripting supports. Wrap the model in a "
            "module with explicit parameters: class Wrapper(nn.Module): def forward(self, x): return self.model(x, key=...)."
        )
    parameters = [p for p in signature if p.kind is not p.KEYWORD_ONLY]
    names = [p.name for p in parameters if p.kind is not p.VAR_POSITIONAL]
    required = [p.name for p in parameters if p.default is p.empty and p.kind is not p.VAR_POSITIONAL]
    names += [f"input{i}" for i in range(len(names), len(given))] if len(names) < len(parameters) else []
    by_name = {spec.name: spec for spec in given if spec.name}
    check_distinct(given)
    positional = [spec for spec in given if not spec.name]
    if unknown := sorted(by_name.keys() - set(names)):
        raise UsageError(f"--input {unknown[0]}=…: forward has no such parameter; it takes ({', '.join(names)}).")
    ordered = []
    for name in names:
        if name in by_name:
            ordered.append(by_name.pop(name))
        elif positional:
            ordered.append(replace(positional.pop(0), name=name))
        elif name in required:
            raise UsageError(
                f"forward takes ({', '.join(names)}) and no input was given for {name!r}. Add --input. {_HELP}"
            )
        else:
            break
    if positional or by_name:
        raise UsageError(
            f"{len(given)} inputs were given, and forward takes ({', '.join(names)}). An input cannot follow a parameter that is "
            "left out. Pass the inputs in between too, or fewer inputs."
        )
    return tuple(ordered)
