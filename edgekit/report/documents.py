"""JSON documents: the one place where results become JSON."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from edgekit.diagnosis import Check, is_ready
from edgekit.format.schema import Manifest
from edgekit.inspection import Inspection
from edgekit.measure.bench import BenchReport
from edgekit.measure.context import BenchContext
from edgekit.runtimes.results import (
    DOCUMENT_VERSION,
    BenchResult,
    CaseRow,
    DocumentVersion,
    FitResult,
    OperatorRow,
    OutputFile,
    PictureResult,
)
from edgekit.runtimes.verdict import VerifyReport
from edgekit.version import __version__

Context = TypeVar("Context")
Results = TypeVar("Results")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document(Generic[Context, Results]):
    """What every tool writes: where and of what, and the results.

    `schema_version` is the document's, apart from the package's. Both fields hold dataclasses, or plain JSON values.
    """

    schema_version: DocumentVersion = DOCUMENT_VERSION
    context: Context
    results: Results

    def to_json(self) -> str:
        """The document as text that ends in a newline.

        Raises:
            ValueError: a number is NaN or infinite.
        """
        return json.dumps(self.to_builtins(), indent=1, allow_nan=False) + "\n"

    def to_builtins(self) -> Any:
        """The document in dicts, lists, texts and numbers."""
        return msgspec.to_builtins(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictContext:
    """Of compat, and the start of verify's. `weights` is the kind of the weights; None for a package without a manifest."""

    package: str
    passed: bool
    weights: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyContext(VerdictContext):
    """`unproven` are outputs such as `forward: 0` that a wrong model could also give; with any of them, `passed` is false."""

    unproven: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    package: str | None
    weights: str | None
    runtime: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectContext:
    """`digests_checked` is the number of records that agree with the manifest; None where none were checked."""

    package: str
    digests_checked: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpsContext:
    runtimes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildContext:
    edgekit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorContext:
    """`ready` means that a model can be exported and verified on this machine."""

    edgekit: str
    ready: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltFile:
    file: str


def verify_document(report: VerifyReport) -> Document[VerifyContext, tuple[CaseRow, ...]]:
    """The verdict, a row for each output of each case on each runtime."""
    manifest = report.manifest
    context = VerifyContext(
        package=manifest.name, passed=report.passed, weights=_weights(manifest), unproven=manifest.unproven
    )
    return Document(context=context, results=tuple(map(CaseRow.of, report.results)))


def bench_document(report: BenchReport) -> Document[BenchContext, tuple[BenchResult, ...]]:
    """Timings, a row for each runtime."""
    return Document(context=report.context, results=report.results)


def compat_document(
    package: Path, manifest: Manifest | None, results: Sequence[FitResult]
) -> Document[VerdictContext, tuple[FitResult, ...]]:
    """What a package lacks, a row for each runtime."""
    passed = all(fit.fits for fit in results)
    context = VerdictContext(package=package.name, passed=passed, weights=_weights(manifest))
    return Document(context=context, results=tuple(results))


def run_document(
    manifest: Manifest | None, runtime: str, results: Sequence[OutputFile] | Sequence[PictureResult]
) -> Document[RunContext, tuple[OutputFile, ...] | tuple[PictureResult, ...]]:
    """The files of the outputs, or the labels of the pictures."""
    context = RunContext(
        package=None if manifest is None else manifest.name, weights=_weights(manifest), runtime=runtime
    )
    return Document(context=context, results=tuple(results))  # type: ignore[arg-type]  # a tuple of either kind


def inspect_document(found: Inspection, digests_checked: int | None) -> Document[InspectContext, Inspection]:
    """What is in a package."""
    return Document(context=InspectContext(package=found.file, digests_checked=digests_checked), results=found)


def ops_document(
    runtimes: Sequence[str], results: Sequence[OperatorRow]
) -> Document[OpsContext, tuple[OperatorRow, ...]]:
    """The operators of runtimes, a row for each."""
    return Document(context=OpsContext(runtimes=tuple(runtimes)), results=tuple(results))


def doctor_document(found: tuple[Check, ...]) -> Document[DoctorContext, tuple[Check, ...]]:
    """What a machine has and lacks, a row for each check."""
    return Document(context=DoctorContext(edgekit=__version__, ready=is_ready(found)), results=found)


def build_document(program: Path) -> Document[BuildContext, tuple[BuiltFile, ...]]:
    """The program that build-runner made, or found in the cache."""
    return Document(context=BuildContext(edgekit=__version__), results=(BuiltFile(file=str(program)),))


def _weights(manifest: Manifest | None) -> str | None:
    return None if manifest is None else manifest.provenance.weights.kind
