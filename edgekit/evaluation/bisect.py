"""Runs the original model beside a package, and names the first operator whose result departs."""

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import torch

from edgekit.engines import held_engine
from edgekit.errors import SourceError, UsageError, printable
from edgekit.format.archive import Archive
from edgekit.format.generator import generate
from edgekit.parity.departure import Departure, find_departure
from edgekit.parity.layers import record_eager
from edgekit.report.documents import Document, VerifyContext
from edgekit.runtimes import isolation
from edgekit.runtimes.lite import golden_cases
from edgekit.runtimes.registry import DEFAULT
from edgekit.runtimes.results import CaseResult, CaseRow
from edgekit.runtimes.workshop_lite import open_lite
from edgekit.sources.copies import detached_copy
from edgekit.sources.inputs import InputSpec
from edgekit.sources.source import SourceModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Bisected:
    """A method on one golden case; `departure` is None if the package gives the answers of the original model."""

    method: str
    case: str
    departure: Departure | None

    def __str__(self) -> str:
        same = "no departure found: the original model gives the same answers"
        return printable(f"case {self.case!r}: {self.departure or same}")


@dataclass(frozen=True, slots=True, kw_only=True)
class BisectContext(VerifyContext):
    """Of `verify --bisect`. `original` is the source of the original model."""

    original: str
    departures: tuple[Bisected, ...]


BisectDocument = Document[BisectContext, tuple[CaseRow, ...]]


def bisect_document(
    document: Document[VerifyContext, tuple[CaseRow, ...]], original: str, found: Sequence[Bisected]
) -> BisectDocument:
    """The document of `verify` with what was found."""
    passed = document.context.passed and all(each.departure is None for each in found)
    context = asdict(document.context) | {"passed": passed}
    return Document(
        context=BisectContext(**context, original=original, departures=tuple(found)), results=document.results
    )


def inputs_of(package: str | os.PathLike[str]) -> dict[str, tuple[InputSpec, ...]]:
    """The inputs of each method except `predict` as its first golden case has them.

    Raises:
        PackageError: the package has no golden cases.
    """
    with Archive(package) as archive:
        cases, manifest = golden_cases(archive)
    found: dict[str, tuple[InputSpec, ...]] = {}
    for case in cases:
        if case.method in found or (case.method == "predict" and manifest.image is not None):
            continue
        found[case.method] = tuple(
            InputSpec(name=given.name, dtype=given.dtype, shape=given.shape, low=given.low or 0, high=given.high or 0)
            for given in case.inputs
        )
    return found


def bisect(package: str | os.PathLike[str], source: SourceModel, results: Sequence[CaseResult]) -> tuple[Bisected, ...]:
    """Compares each method of the original model with the package, on a case that failed or else on the first one.

    `predict` is not among them: the original model has no such method, and its core is `forward`.

    Args:
        package: the file.
        source: the original model.
        results: those of the golden cases.

    Raises:
        UsageError: the original model has other methods or inputs than the package.
        SourceError: it fails on a case.
    """
    isolation.step()  # the original is loaded
    with Archive(package) as archive:
        cases, manifest = golden_cases(archive)
    failed = {result.case for result in results if result.runtime == DEFAULT and not result.comparison.passed}
    hints, found = manifest.runtime, list[Bisected]()
    module = open_lite(package, hints.pool, hints.quantized_engine)
    for part in (source, *source.others):
        of_method = [case for case in cases if case.method == part.method]
        if not of_method or len(of_method[0].inputs) != len(part.inputs):
            taken = ", ".join(spec.name for spec in part.inputs)
            raise UsageError(
                f"{part.source}: {part.method} takes ({taken}), which the package does not. Give the model of which the package "
                "was made."
            )
        case = next((case for case in of_method if case.name in failed), of_method[0])
        arrays = [generate(given) for given in case.inputs]
        with held_engine(hints.quantized_engine):
            eager = record_eager(detached_copy(part.module), tuple(map(torch.from_numpy, arrays)))
        isolation.step()
        if eager.error:
            raise SourceError(
                f"{part.source} fails on case {case.name!r}: {eager.error.rstrip('. ')}. Give the model of which the package was "
                "made."
            )
        departure = find_departure(eager, module.record(case.method, arrays), case.tolerance or manifest.tolerance)
        found.append(Bisected(method=part.method, case=case.name, departure=departure))
    return tuple(found)
