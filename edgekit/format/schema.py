"""The data that a package stores and that stages pass on: frozen dataclasses, without torch or numpy.

`docs/format.md` describes the same fields for readers in other languages.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec

SCHEMA_VERSION = "1.0"
DTYPES = ("float32", "float64", "uint8", "int8", "int32", "int64", "bool")
MAX_ELEMENTS = 2**28  # of one input or output: no device holds more, and a hostile file must not ask for more
NOISE_CAP = 1e-3  # of a tolerance that nobody loosened

# The `extra_json_schema` is for docs/schema only; `edgekit.format.codec` and the classes below do the checks.
SchemaVersion = Annotated[str, msgspec.Meta(extra_json_schema={"pattern": r"^0{0,5}[01]\.[0-9]{1,6}$"})]
DType = Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(DTYPES)})]
Bound = Annotated[float, msgspec.Meta(extra_json_schema={"minimum": 0})]
Extent = Annotated[int, msgspec.Meta(extra_json_schema={"minimum": 0})]


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorSpec:
    """An input or output of a method; a free axis is null in the shape: other sizes were tried and agreed."""

    name: str
    dtype: DType
    shape: tuple[Extent | None, ...]
    low: int | float | None = None
    high: int | float | None = None

    def __post_init__(self) -> None:
        _check_tensor(self.name, self.dtype, tuple(axis for axis in self.shape if axis is not None))

    def __str__(self) -> str:
        return f"{self.name}: {self.dtype} [{', '.join('*' if n is None else str(n) for n in self.shape)}]"

    def accepts(self, shape: tuple[int, ...]) -> bool:
        """Whether a tensor of this shape fits."""
        return len(shape) == len(self.shape) and all(
            want in (None, got) for want, got in zip(self.shape, shape, strict=True)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodSpec:
    name: str
    structure: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    def __post_init__(self) -> None:
        _check_names(f"method {self.name} has two inputs", self.inputs)
        _check_names(f"method {self.name} has two outputs", self.outputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSpec:
    """The preprocessing inside `predict`: sizes in pixels, mean and std for values in [0, 1]."""

    resize: int
    crop: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str = "bilinear"
    antialias: bool = True
    channels: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightsInfo:
    """Where the weights come from: `kind` is named, checkpoint, random or embedded; `sha256` is of the state dict."""

    kind: str
    name: str | None = None
    seed: int | None = None
    sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    edgekit: str
    torch: str
    torchvision: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    source: str
    pretrained: bool
    weights: WeightsInfo
    versions: Versions


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult:
    """One comparison of the captured model with the eager model; `verdict` is pass, fail, unproven or refused."""

    name: str
    mode: str
    verdict: str
    norm_error: float | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureEvidence:
    requested: str
    mode: str
    reason: str
    scripted: tuple[str, ...] = ()
    mismatch_allowed: bool = False
    warnings: tuple[str, ...] = ()
    probes: tuple[ProbeResult, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PassResult:
    """What a pass did; `left_out` lists the parts that the pass skipped because they broke parity."""

    name: str
    applied: bool
    norm_error: float | None = None
    max_error: float | None = None
    left_out: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeResult:
    name: str
    passes: tuple[PassResult, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstantInfo:
    record: str
    dtype: DType
    shape: tuple[Extent, ...]
    parameter: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeHints:
    pool: Literal["xnnpack", "openmp"]
    threads: Annotated[int, msgspec.Meta(ge=1, le=1024)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """Bounds on the two relative errors, and on the absolute error if the reference counts as zero."""

    norm: Bound = 1e-5
    max: Bound = 1e-5
    absolute: Bound = 1e-5
    loosened: bool = False

    def __post_init__(self) -> None:
        for name in ("norm", "max", "absolute"):
            if not 0.0 <= getattr(self, name) < math.inf:  # false for NaN, under which everything would pass
                raise ValueError(f"tolerance {name} is {getattr(self, name)}; expected a number of at least 0")

    @property
    def largest(self) -> float:
        return max(self.norm, self.max, self.absolute)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityResult:
    runtime: str
    cases: int
    norm_error: float
    max_error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenInput:
    """An input, as a seed and a range for the generator of docs/format.md."""

    name: str
    dtype: DType
    shape: tuple[Extent, ...]
    seed: Annotated[int, msgspec.Meta(ge=0, lt=2**32)]
    low: int | float
    high: int | float

    def __post_init__(self) -> None:
        _check_tensor(self.name, self.dtype, self.shape)
        if not self.low <= self.high:
            raise ValueError(f"input {self.name} has the range [{self.low}, {self.high}]; expected low <= high")


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenOutput:
    """Expected values; `indices` are flat row-major positions, or null if `values` has every element."""

    name: str
    dtype: DType
    shape: tuple[Extent, ...]
    indices: tuple[Extent, ...] | None
    values: tuple[int | float | Literal["nan", "inf", "-inf"], ...]  # words where JSON has no number

    def __post_init__(self) -> None:
        size = _check_tensor(self.name, self.dtype, self.shape)
        count = size if self.indices is None else len(self.indices)
        if len(self.values) != count:
            raise ValueError(f"output {self.name} has {len(self.values)} values; expected {count}")
        if not self.dtype.startswith("float") and any(isinstance(value, str) for value in self.values):
            raise ValueError(f"output {self.name} of {self.dtype} has a value that is not a number")
        if self.indices and not 0 <= min(self.indices) <= max(self.indices) < size:
            raise ValueError(f"output {self.name} has an index beyond its shape {list(self.shape)}")


def _check_tensor(name: str, dtype: str, shape: tuple[int, ...]) -> int:
    """The number of elements; raises ValueError for an unknown dtype or an impossible shape."""
    if dtype not in DTYPES:
        raise ValueError(f"{name} has dtype {dtype!r}; expected one of {', '.join(DTYPES)}")
    size = math.prod(shape)
    if min(shape, default=0) < 0 or size > MAX_ELEMENTS:
        raise ValueError(
            f"{name} has shape {list(shape)}; expected axes of at least 0 and at most {MAX_ELEMENTS} elements"
        )
    return size


def _check_names(what: str, items: Sequence[Any]) -> None:
    names = [item.name for item in items]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{what} with the name {twice!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenCase:
    """Inputs and expected outputs of a method; `tolerance` replaces the package's if it is given."""

    name: str
    method: str
    inputs: tuple[GoldenInput, ...]
    outputs: tuple[GoldenOutput, ...]
    tolerance: Tolerance | None = None

    def __post_init__(self) -> None:
        _check_names(f"case {self.name} has two inputs", self.inputs)
        _check_names(f"case {self.name} has two outputs", self.outputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    schema_version: SchemaVersion
    cases: tuple[GoldenCase, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a package says about itself; `fits` lists the runtimes that can load it, and is empty in old packages."""

    schema_version: SchemaVersion
    name: str
    provenance: Provenance
    capture: CaptureEvidence
    recipe: RecipeResult
    methods: tuple[MethodSpec, ...]
    image: ImageSpec | None
    constants: tuple[ConstantInfo, ...]
    operators: tuple[str, ...]
    bytecode_version: int
    runtime: RuntimeHints
    tolerance: Tolerance
    parity: ParityResult
    records: dict[str, str]
    fits: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_names("there are two methods", self.methods)

    def method(self, name: str) -> MethodSpec | None:
        return next((method for method in self.methods if method.name == name), None)

    @property
    def random_weights(self) -> bool:
        return self.provenance.weights.kind == "random"
