"""What a user says about a model's inputs: `1x3x224x224:float32`, `tokens=1x16:int64[0,1000]` or `sample.npy`."""

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
from edgekit.generator import generate
from edgekit.spec import DTYPES, GoldenInput

Array = npt.NDArray[np.generic]

_PATTERN = re.compile(
    r"^(?P<shape>scalar|\d+(?:x\d+)*)(?::(?P<dtype>\w+)(?:\[(?P<low>[^,\]]+),(?P<high>[^,\]]+)\])?)?$"
)
_RANGES = {"float32": (-2.0, 2.0), "float64": (-2.0, 2.0), "uint8": (0, 255)}
_GRID = 1024  # float bounds are multiples of 2^-10, so that the generator's product is exact (docs/format.md)
_HELP = "Expected [NAME=]SHAPE[:DTYPE[LOW,HIGH]], say 1x3x224x224, ids=1x16:int64[0,1000], or a .npy file."


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSpec:
    """One input of `forward`; `sample` is the user's own array where a file was given."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    low: int | float
    high: int | float
    sample: Array | None = None

    def golden(self, seed: int, shape: tuple[int, ...] | None = None) -> GoldenInput:
        """The input as bits of the generator, of its own or another shape."""
        return GoldenInput(
            name=self.name, dtype=self.dtype, shape=shape or self.shape, seed=seed, low=self.low, high=self.high
        )

    def generate(self, seed: int) -> Array:
        return generate(self.golden(seed))


def parse_input(text: str) -> InputSpec:
    """Parses one `--input`; the name is empty where none was given.

    Raises:
        UsageError: the text or the file is not of the form above.
    """
    name, equals, rest = text.partition("=")
    if not equals:
        name, rest = "", text
    elif not name.isidentifier():
        raise UsageError(f"--input {text}: {name!r} is no parameter name. {_HELP}")
    if rest.endswith(".npy"):
        return from_array(name, load_npy(rest))
    match = _PATTERN.match(rest)
    if match is None:
        raise UsageError(f"--input {text} is not understood. {_HELP}")
    dtype = match["dtype"] or "float32"
    if dtype not in DTYPES:
        raise UsageError(f"--input {text}: unknown dtype {dtype!r}; expected one of {', '.join(DTYPES)}.")
    shape = () if match["shape"] == "scalar" else tuple(int(size) for size in match["shape"].split("x"))
    low, high = _RANGES.get(dtype, (0, 1))
    if match["low"] is not None:
        low, high = _bound(match["low"], dtype, text), _bound(match["high"], dtype, text)
    return _spec(name, dtype, shape, low, high, f"--input {text}")


def _bound(text: str, dtype: str, whole: str) -> int | float:
    try:
        return float(text) if dtype.startswith("float") else int(text)
    except ValueError as error:
        raise UsageError(f"--input {whole}: {text!r} is no {dtype} bound. {_HELP}") from error


def _spec(
    name: str, dtype: str, shape: tuple[int, ...], low: float, high: float, what: str, sample: Array | None = None
) -> InputSpec:
    if dtype.startswith("float"):
        low, high = math.floor(low * _GRID) / _GRID, math.ceil(high * _GRID) / _GRID
        limit = 2.0**14
    else:
        limit = 2.0**31
    if not (low <= high and -limit <= low and high <= limit):
        raise UsageError(
            f"{what}: the range [{low}, {high}] is empty or beyond ±{limit:g}. Scale the input, or give a range."
        )
    return InputSpec(name=name, dtype=dtype, shape=shape, low=low, high=high, sample=sample)


def from_array(name: str, array: Array) -> InputSpec:
    """An input of the shape, dtype and range of an array."""
    dtype = str(array.dtype)
    if dtype not in DTYPES:
        raise UsageError(
            f"input {name or 'array'} is {dtype}; expected one of {', '.join(DTYPES)}. Convert it with .astype()."
        )
    if array.size == 0:
        raise UsageError(f"input {name or 'array'} has shape {list(array.shape)}, which holds no element.")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise UsageError(f"input {name or 'array'} has NaN or infinite elements; expected finite ones.")
    low, high = (
        (float(array.min()), float(array.max())) if array.dtype.kind == "f" else (int(array.min()), int(array.max()))
    )
    return _spec(name, dtype, array.shape, low, high, f"input {name or 'array'}", array)


def load_npy(path: str | Path) -> Array:
    """Reads a `.npy` file without pickles.

    Raises:
        UsageError: no file, or no array.
    """
    try:
        array = np.load(path, allow_pickle=False)
    except FileNotFoundError as error:
        raise UsageError(f"input {path} does not exist.") from error
    except (OSError, ValueError, EOFError) as error:
        raise UsageError(f"input {path} is not a .npy array: {error}. Write it with numpy.save.") from error
    if not isinstance(array, np.ndarray):
        raise UsageError(f"input {path} is an .npz archive; expected a .npy file with one array.")
    return array


def named_for(forward: Callable[..., Any], given: Sequence[InputSpec]) -> tuple[InputSpec, ...]:
    """Orders the inputs as the parameters of `forward` and gives each its name.

    Raises:
        UsageError: a name or a number of inputs that the signature does not have, or `**kwargs`.
    """
    parameters = inspect.signature(forward).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        raise UsageError(
            "forward takes **kwargs, which neither tracing nor scripting can keep. Wrap the model in a module whose forward "
            "has explicit parameters: class Wrapper(nn.Module): def forward(self, x): return self.model(x, key=...)."
        )
    names = [p.name for p in parameters if p.kind is not p.VAR_POSITIONAL]
    required = [p.name for p in parameters if p.default is p.empty and p.kind is not p.VAR_POSITIONAL]
    names += [f"input{i}" for i in range(len(names), len(given))] if len(names) < len(list(parameters)) else []
    by_name = {spec.name: spec for spec in given if spec.name}
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
                f"forward takes ({', '.join(names)}) and no input was given for {name!r}. Add --input {_HELP}"
            )
        else:
            break
    if positional or by_name:
        raise UsageError(
            f"{len(given)} inputs were given, and forward takes ({', '.join(names)}). Inputs after one with a default that is "
            "left out cannot be passed by position; give all of them, or fewer."
        )
    return tuple(ordered)
