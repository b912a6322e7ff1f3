"""Descriptions of a model's inputs: `1x3x224x224:float32`, `tokens=1x16:int64[0,1000]` or `sample.npy`."""

import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgekit.errors import UsageError
from edgekit.files import may_never_end
from edgekit.format.axes import MAX_ELEMENTS
from edgekit.format.generator import generate
from edgekit.format.golden import GoldenInput
from edgekit.format.schema import DTYPES

Array = npt.NDArray[np.generic]

_PATTERN = re.compile(
    r"^(?P<shape>scalar|\d+(?:x\d+)*)(?::(?P<dtype>\w+)(?:\[(?P<low>[^,\]]+),(?P<high>[^,\]]+)\])?)?$"
)
DEFAULT_RANGE = (-2.0, 2.0)  # of floats
_RANGES = {"float32": DEFAULT_RANGE, "float64": DEFAULT_RANGE, "uint8": (0, 255)}
_DIGITS = 10
_GRID = 1024  # float bounds are multiples of 2^-10, so that the generator's product is exact (docs/format.md)
INPUT_HELP = (
    "Expected [NAME=]SHAPE[:DTYPE[LOW,HIGH]], for example 1x3x224x224 or ids=1x16:int64[0,1000], or a .npy file."
)


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
        raise UsageError(f"--input {text}: {name!r} is not a parameter name. {INPUT_HELP}")
    if rest.endswith(".npy"):
        return from_array(name, load_npy(rest))
    match = _PATTERN.match(rest)
    if match is None:
        raise UsageError(f"--input {text} is malformed. {INPUT_HELP}")
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
        raise UsageError(f"--input {whole[:80]}: a shape has 1 to {MAX_ELEMENTS} elements. {INPUT_HELP}")
    return tuple(map(int, sizes))


def _bound(text: str, dtype: str, whole: str) -> int | float:
    try:
        return float(text) if dtype.startswith("float") else int(text)
    except ValueError as error:
        raise UsageError(f"--input {whole}: the bound {text!r} is not a {dtype} number. {INPUT_HELP}") from error


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
