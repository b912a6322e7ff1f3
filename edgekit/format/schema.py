"""The data that a package stores and that stages pass on: frozen dataclasses, without torch or numpy.

`docs/format.md` describes the same fields for readers in other languages.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec

from edgekit.format.axes import MAX_ELEMENTS, Axis, Extent, accepts, shape_text, unequal

SCHEMA_VERSION = "2.0"
DTYPES = ("float32", "float64", "uint8", "int8", "int32", "int64", "bool")
AS_MADE = "factory"  # the kind of weights of a factory, where no other weights were loaded
NOISE_CAP = 1e-3  # of a tolerance that nobody loosened

# The `extra_json_schema` is for docs/schema only; `edgekit.format.codec` and the classes below do the checks.
SchemaVersion = Annotated[str, msgspec.Meta(extra_json_schema={"pattern": r"^0{0,5}[012]\.[0-9]{1,6}$"})]
DType = Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(DTYPES)})]
Bound = Annotated[float, msgspec.Meta(extra_json_schema={"minimum": 0})]
Evidence = Literal["varies", "constant", "unproven"]
Proof = Literal["quick", "full"]  # how many probes judge each pass
Activation = Literal["softmax", "sigmoid", "none"]
QuantizedEngine = Literal["fbgemm", "x86", "onednn", "qnnpack"]
LABELS, MASK, BOXES = "labels", "mask", "boxes"  # what `predict` gives; a reader names others as unknown
MOST_MASK_CLASSES = 256  # that a uint8 holds


def check_tensor(name: str, dtype: str, shape: tuple[int, ...]) -> int:
    """The number of elements; raises ValueError for an unknown dtype or an impossible shape."""
    if dtype not in DTYPES:
        raise ValueError(f"{name} has dtype {dtype!r}; expected one of {', '.join(DTYPES)}")
    size = math.prod(shape)
    if min(shape, default=0) < 0 or size > MAX_ELEMENTS:
        raise ValueError(
            f"{name} has shape {list(shape)}; expected axes of at least 0 and at most {MAX_ELEMENTS} elements"
        )
    return size


def check_names(what: str, items: Sequence[Any]) -> None:
    names = [item.name for item in items]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{what} with the name {twice!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorSpec:
    """An input or output of a method. An axis of an input is a size, a proved range, or null: no range was proved.

    An axis of an output is a size or null. `proof` is for outputs: "varies" if the probes gave different answers, "constant"
    if the output does not depend on the inputs, "unproven" if a wrong model could give the same answers.
    """

    name: str
    dtype: DType
    shape: tuple[Axis, ...]
    low: int | float | None = None
    high: int | float | None = None
    proof: Evidence | None = None

    def __post_init__(self) -> None:
        check_tensor(self.name, self.dtype, tuple(axis for axis in self.shape if isinstance(axis, int)))

    def __str__(self) -> str:
        return f"{self.name}: {self.dtype} {shape_text(self.shape)}"

    def accepts(self, shape: tuple[int, ...]) -> bool:
        """Whether a tensor of this shape fits."""
        return accepts(self.shape, shape)


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodSpec:
    """A method. `structure` is null if it depends on the data; then each golden case has its structure."""

    name: str
    structure: str | None
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    def __post_init__(self) -> None:
        check_names(f"method {self.name} has two inputs", self.inputs)
        check_names(f"method {self.name} has two outputs", self.outputs)

    def unequal(self, shapes: Sequence[tuple[int, ...]]) -> str:
        """The first two axes that must be equal and are not, as a text; empty if there are none."""
        return unequal((spec.name, spec.shape, sizes) for spec, sizes in zip(self.inputs, shapes, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSpec:
    """The preprocessing inside `predict`: sizes in pixels, mean and std for values in [0, 1].

    `output` is the output of `forward` that `predict` ranks, and `activation` is what makes scores of it. If `task` is `mask`,
    `predict` gives the class of each pixel, nothing is cropped, and `classes` is the number of classes. If it is `boxes`,
    `predict` brings the picture to the size that `forward` takes, inside it with `keep_ratio` or else stretched to it; then
    `resize` and `crop` are 0, and `classes` counts the background.
    """

    resize: int
    crop: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str = "bilinear"
    antialias: bool = True
    channels: int = 3
    output: str = "0"
    activation: Activation = "softmax"
    task: str = LABELS
    classes: int | None = None
    keep_ratio: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightsInfo:
    """Where the weights come from: `kind` is named, checkpoint, random, factory (as it made them) or embedded.

    `sha256` is of the state dict.
    """

    kind: str
    name: str | None = None
    seed: int | None = None
    sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """The packages that captured the model. `finished_with` is the torch that optimized and saved it; older packages lack it."""

    edgekit: str
    torch: str
    torchvision: str | None
    finished_with: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    source: str
    pretrained: bool
    weights: WeightsInfo
    versions: Versions


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult:
    """One comparison of the captured model with the eager model; `verdict` is pass, fail, unproven, refused or chaotic.

    `noise` is the relative error that float32 alone gives on this probe. The model is chaotic on a probe if it is too large.
    """

    name: str
    mode: str
    verdict: str
    norm_error: float | None = None
    detail: str = ""
    noise: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureEvidence:
    """How the model was captured.

    `fast_path_error` is the difference between the eager model with torch's fused transformer path and without it, if it is
    larger than the bound. `methods_left_out` are the exported methods of the source that the package does not have.
    """

    requested: str
    mode: str
    reason: str
    scripted: tuple[str, ...] = ()
    mismatch_allowed: bool = False
    warnings: tuple[str, ...] = ()
    probes: tuple[ProbeResult, ...] = ()
    proof: Proof = "full"
    fast_path_error: float | None = None
    methods_left_out: tuple[str, ...] = ()


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
    """How a runtime runs the package. `quantized_engine` is the engine for which quantized weights were packed."""

    pool: Literal["xnnpack", "openmp"]
    threads: Annotated[int, msgspec.Meta(ge=1, le=1024)] | None = None
    quantized_engine: QuantizedEngine | None = None


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
        check_names("there are two methods", self.methods)

    def method(self, name: str) -> MethodSpec | None:
        return next((method for method in self.methods if method.name == name), None)

    @property
    def unproven(self) -> tuple[str, ...]:
        """The outputs that a wrong model could also give, each with the name of its method in front."""
        return tuple(
            f"{method.name}: {output.name}"
            for method in self.methods
            for output in method.outputs
            if output.proof == "unproven"
        )

    @property
    def random_weights(self) -> bool:
        return self.provenance.weights.kind == "random"
