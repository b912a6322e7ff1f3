"""Golden cases: inputs, as seeds or bytes, and the eager model's answers to them."""

import base64
import binascii
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec

from edgekit.format.axes import Extent
from edgekit.format.schema import DType, SchemaVersion, Tolerance, check_names, check_tensor

ITEM_BYTES = {"float32": 4, "float64": 8, "uint8": 1, "int8": 1, "int32": 4, "int64": 8, "bool": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenInput:
    """An input: a seed and a range for the generator of docs/format.md, or the bytes of a sample in `data`, as base64."""

    name: str
    dtype: DType
    shape: tuple[Extent, ...]
    seed: Annotated[int, msgspec.Meta(ge=0, lt=2**32)] | None = None
    low: int | float | None = None
    high: int | float | None = None
    data: str | None = None

    def __post_init__(self) -> None:
        check_tensor(self.name, self.dtype, self.shape)
        generated = [value is not None for value in (self.seed, self.low, self.high)]
        if any(generated) if self.data is not None else not all(generated):
            raise ValueError(f"input {self.name} has neither seed, low and high nor data alone")
        if self.low is not None and self.high is not None and not self.low <= self.high:
            raise ValueError(f"input {self.name} has the range [{self.low}, {self.high}]; expected low <= high")
        if self.data is not None:
            sample_bytes(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenOutput:
    """Expected values; `indices` are flat row-major positions, or null if `values` has every element."""

    name: str
    dtype: DType
    shape: tuple[Extent, ...]
    indices: tuple[Extent, ...] | None
    values: tuple[int | float | Literal["nan", "inf", "-inf"], ...]  # words where JSON has no number

    def __post_init__(self) -> None:
        size = check_tensor(self.name, self.dtype, self.shape)
        count = size if self.indices is None else len(self.indices)
        if len(self.values) != count:
            raise ValueError(f"output {self.name} has {len(self.values)} values; expected {count}")
        if not self.dtype.startswith("float") and not all(isinstance(value, int) for value in self.values):
            raise ValueError(f"output {self.name} of {self.dtype} has a value that is not an integer")
        if self.indices and not 0 <= min(self.indices) <= max(self.indices) < size:
            raise ValueError(f"output {self.name} has an index beyond its shape {list(self.shape)}")


def sample_bytes(given: GoldenInput) -> bytes:
    """The bytes of a stored input: its elements in row-major order, little-endian; a boolean is one byte, 0 or 1.

    Raises:
        ValueError: `data` is not base64, or has another length than the shape and the dtype need.
    """
    size = check_tensor(given.name, given.dtype, given.shape)
    try:
        raw = base64.b64decode(given.data or "", validate=True)
    except binascii.Error as error:
        raise ValueError(f"input {given.name} has data that is not base64: {error}") from error
    if len(raw) != size * ITEM_BYTES[given.dtype]:
        raise ValueError(f"input {given.name} has {len(raw)} bytes of data; expected {size * ITEM_BYTES[given.dtype]}")
    if given.dtype == "bool" and raw.strip(b"\0\1"):
        raise ValueError(f"input {given.name} of bool has a byte other than 0 and 1")
    return raw


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenCase:
    """Inputs and expected outputs of a method.

    `tolerance` replaces the package's if it is given, and `structure` the method's. `noise` is the relative error that float32
    alone gives for these inputs.
    """

    name: str
    method: str
    inputs: tuple[GoldenInput, ...]
    outputs: tuple[GoldenOutput, ...]
    tolerance: Tolerance | None = None
    structure: str | None = None
    noise: float | None = None

    def __post_init__(self) -> None:
        check_names(f"case {self.name} has two inputs", self.inputs)
        check_names(f"case {self.name} has two outputs", self.outputs)
        for output in self.outputs:
            # Rounding can swap the first two ranks of a picture, so the indices of `predict` may list none.
            if not output.values and 0 not in output.shape and (self.method, output.name) != ("predict", "1"):
                raise ValueError(
                    f"case {self.name} lists no element of output {output.name}, so it would pass on other weights"
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    schema_version: SchemaVersion
    cases: tuple[GoldenCase, ...]
