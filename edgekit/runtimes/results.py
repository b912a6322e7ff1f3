"""What runtimes are asked for and what they give back, as types; no dict passes from here on."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec

from edgekit.errors import DeviceError, UsageError
from edgekit.format.codec import expected_version

if TYPE_CHECKING:
    from edgekit.format.compare import Comparison

DOCUMENT_VERSION = "1.0"  # of the JSON documents, apart from the package's
DocumentVersion = Annotated[str, msgspec.Meta(extra_json_schema={"pattern": r"^0{0,5}[01]\.[0-9]{1,6}$"})]

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """The verdict of one runtime on one output of one golden case."""

    runtime: str
    case: str
    comparison: "Comparison"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRow:
    """A row of a verify document: a `CaseResult`, flat."""

    runtime: str
    case: str
    output: str
    passed: bool
    reason: str | None = None
    norm_error: float | None = None
    max_error: float | None = None
    cosine: float | None = None
    top1: bool | None = None
    worst_index: tuple[int, ...] | None = None
    expected: int | float | str | None = None
    actual: int | float | str | None = None

    @classmethod
    def of(cls, result: CaseResult) -> "CaseRow":
        """The row of a result."""
        return cls(runtime=result.runtime, case=result.case, **asdict(result.comparison))

    def result(self) -> CaseResult:
        """The result that the row says."""
        from edgekit.format.compare import Comparison

        fields = asdict(self)
        return CaseResult(runtime=fields.pop("runtime"), case=fields.pop("case"), comparison=Comparison(**fields))


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchRequest:
    """At least `iterations` timed runs and `min_seconds` of them; `threads` None is each runtime's own choice."""

    method: str = "forward"
    iterations: int = 30
    min_seconds: float = 1.0
    warmup: int = 3
    threads: int | None = None
    per_operator: bool = False

    def __post_init__(self) -> None:
        if self.iterations < 1 or (self.threads is not None and self.threads < 1):
            raise UsageError("iterations and threads must be at least 1.")
        if self.warmup < 0 or not self.min_seconds >= 0:
            raise UsageError("warmup and min_seconds must not be negative.")


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorTime:
    """The time in one operator in a run, and its part of the whole."""

    name: str
    ms: float
    percent: float
    cumulative_percent: float
    calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchResult:
    """How long a method took on one runtime; `operators` is empty unless the request asks for them.

    If several runtimes or numbers of threads took turns, `ratio` is the median of p50 against that of the first one in the same
    round, and `ratio_range` are the least and the largest.
    """

    runtime: str
    method: str
    load_ms: float
    first_ms: float
    min_ms: float
    p50_ms: float
    p90_ms: float
    p99_ms: float
    mean_ms: float
    iterations: int
    threads: int
    engine: str
    peak_rss_bytes: int
    samples_ms: tuple[float, ...]
    operators: tuple[OperatorTime, ...] = ()
    ratio: float | None = None
    ratio_range: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FitResult:
    """Whether a runtime has every operator of a package and takes its dtypes; `remedy` is empty where it does.

    `missing` are operators; `tensors` are inputs and outputs of a dtype that the runtime refuses; `engine` is the engine for
    quantized weights, if the runtime does not have it.
    """

    runtime: str
    fits: bool
    missing: tuple[str, ...]
    bytecode_version: int
    bytecode_range: tuple[int, int]
    tensors: tuple[str, ...] = ()
    engine: str | None = None
    remedy: str = ""

    @property
    def lacks(self) -> tuple[str, ...]:
        """Everything that the runtime lacks, as texts."""
        engine = () if self.engine is None else (f"engine {self.engine} for quantized weights",)
        return (*self.missing, *self.tensors, *engine)


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorRow:
    """An operator that a runtime has."""

    runtime: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFile:
    """An output of a run and the file that it is in; None where none was written."""

    output: str
    file: str | None
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelScore:
    label: str
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxScore:
    """A box in pixels of the picture: left, top, right, bottom."""

    label: str
    score: float
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureResult:
    """The labels of a picture, best first; or why there are none, which is then in `error`.

    For a mask, the labels are those in the picture, with their share of its pixels, and `mask` and `overlay` are the files
    that were written. For a detector, `labels` is empty and `boxes` are those that were found, best first.
    """

    file: str
    labels: tuple[LabelScore, ...]
    boxes: tuple[BoxScore, ...] = ()
    error: str | None = None
    mask: str | None = None
    overlay: str | None = None


class _Document(msgspec.Struct):
    schema_version: str
    results: list[dict[str, Any]]


def from_document(text: str, row: type[Row], runtime: str) -> tuple[Row, ...]:
    """The rows of a JSON document that a runtime's process printed; unknown fields are ignored.

    Raises:
        DeviceError: the text is not such a document.
    """
    try:
        document = msgspec.json.decode(text, type=_Document)
        if expected := expected_version(document.schema_version, DOCUMENT_VERSION):
            raise DeviceError(
                f"runtime {runtime}: its document has schema_version {document.schema_version!r}; expected {expected}. "
                "Build its program again."
            )
        return tuple(msgspec.convert({**fields, "runtime": runtime}, row) for fields in document.results)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise DeviceError(
            f"runtime {runtime}: its output is not a document of results: {error}. Build its program again."
        ) from error
