"""Takes a source to a proved draft of a package: the first capture that survives optimization, saving and loading."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Protocol

from edgekit.capture.captured import CapturedModel, limited
from edgekit.capture.modes import REQUESTED_MODES, RequestedMode
from edgekit.errors import EdgekitError, OptimizeError, ParityError, UsageError, first_line
from edgekit.format.schema import Proof, Tolerance
from edgekit.optimize.optimizer import OptimizedModel, optimize
from edgekit.optimize.passes.base import passes_of
from edgekit.optimize.recipes import DEFAULT_RECIPE, FITS, RECIPES, Fit
from edgekit.optimize.sharing import SharedConstants
from edgekit.packaging.draft import PackageDraft, draft_package
from edgekit.packaging.proof import check_proven
from edgekit.packaging.written import judge_file
from edgekit.runtimes.results import CaseResult

_log = logging.getLogger(__name__)

Progress = Callable[[str], None]
Proved = tuple[PackageDraft, tuple[CaseResult, ...]]


class Captures(Protocol):
    """The captures of a method that agree with the eager model, best first; see `edgekit.capture.decide.Candidates`."""

    def best(self, refused: Mapping[str, str], proof: Proof) -> CapturedModel | None:
        """The best one whose mode is not refused; None if all are. The values are the reasons."""
        ...


Method = Callable[[], Captures]  # captures a method when it is called


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRequest:
    """How to export; `output` None means `build/mobile/<model>/<model>.ptl` in the working folder."""

    output: Path | None = None
    mode: RequestedMode = "auto"
    recipe: str = DEFAULT_RECIPE
    fit: Fit = FITS[0]
    tolerance: Tolerance = Tolerance()  # noqa: RUF009  frozen
    allow_mismatch: bool = False
    allow_unproven: bool = False
    proof: Proof = "quick"
    server: bool = True


def check_options(options: ExportRequest) -> None:
    """Raises UsageError for a value that is not known."""
    if options.mode not in REQUESTED_MODES:
        raise UsageError(f"unknown capture mode {options.mode!r}; expected one of {', '.join(REQUESTED_MODES)}.")
    if options.recipe not in RECIPES:
        raise UsageError(f"unknown recipe {options.recipe!r}; expected one of {', '.join(RECIPES)}.")
    if options.fit not in FITS:
        raise UsageError(f"unknown fit {options.fit!r}; expected one of {', '.join(FITS)}.")
    if options.output is not None and options.output.suffix != ".ptl":
        raise UsageError(f"-o {options.output}: expected a file name that ends in .ptl.")


def proved_draft(
    methods: Sequence[Method], options: ExportRequest, tolerance: Tolerance, path: Path, progress: Progress
) -> Proved:
    """A package with all methods of a source. Each method is captured, optimized and proved alone, then all in one file.

    A quick proof judges the saved file on every probe, and the steps before on the sharpest ones. If the file is wrong on
    another one, all is done again with the full proof, which finds the step and chooses another way.
    """
    methods = [cache(method) for method in methods]
    if options.proof == "quick":
        try:
            return _draft(methods, options, tolerance, path, progress)
        except _DoubtError as doubt:
            _log.warning("every step is now judged on every probe, because %s", doubt)
    return _draft(methods, replace(options, proof="full"), tolerance, path, progress)


class _DoubtError(Exception):
    """The file of a quick proof is wrong on a probe on which no step before was judged."""


def _draft(
    methods: Sequence[Method], options: ExportRequest, tolerance: Tolerance, path: Path, progress: Progress
) -> Proved:
    if len(methods) == 1:
        return _surviving(methods[0], options, tolerance, path, progress)
    shared = SharedConstants()
    parts = [_surviving(method, options, tolerance, path, progress, shared)[0].optimized for method in methods]
    return _proved(parts, options.proof, tolerance, path, progress)


def _surviving(
    method: Method,
    options: ExportRequest,
    tolerance: Tolerance,
    path: Path,
    progress: Progress,
    shared: SharedConstants | None = None,
) -> Proved:
    """Takes the first capture that still agrees with the eager model after it was optimized, saved and loaded.

    A capture on which the gate drops an essential pass is taken only if there is no other. With several methods, a quick proof
    writes the file of each to see that it can be written, and judges only the file of all.
    """

    def prove(optimized: OptimizedModel) -> Proved:
        if shared is not None and options.proof == "quick":
            progress("package")
            return draft_package(optimized, tolerance, path), ()
        return _proved([optimized], options.proof, tolerance, path, progress)

    progress("capture")
    captures = method()
    recipe = RECIPES[options.recipe]
    refused: dict[str, str] = {}
    lossy: OptimizedModel | None = None
    failures: list[EdgekitError] = []
    while (captured := captures.best(refused, options.proof)) is not None:
        if not options.allow_unproven:
            check_proven(captured, tolerance)
        try:
            progress("optimize")
            optimized = optimize(
                captured, recipe.name, passes_of(recipe, options.fit), tolerance, shared, options.proof
            )
            if optimized.lost:
                refused[captured.evidence.mode] = f"loses {optimized.lost}"
                lossy = lossy or optimized
                continue
            return prove(optimized)
        except (OptimizeError, ParityError) as error:
            refused[captured.evidence.mode] = f"does not survive to the saved file ({first_line(error)})"
            failures.append(error)
    if lossy is not None:
        return prove(lossy)
    raise failures[0]


def _proved(
    models: Sequence[OptimizedModel], proof: Proof, tolerance: Tolerance, path: Path, progress: Progress
) -> Proved:
    """Writes the file of one or more methods, again with smaller ranges if it is wrong at some sizes in them.

    Raises:
        ParityError: the file gives different answers from the eager model.
        _DoubtError: the file of a quick proof does, or is wrong at some sizes.
    """
    while True:
        progress("package")
        first, *others = models
        draft = draft_package(first, tolerance, path, others)
        progress("verify")
        try:
            verdict = judge_file(draft)
        except ParityError as error:
            if proof == "quick":
                raise _DoubtError(str(error)) from error
            raise
        if verdict.final:
            return draft, verdict.results
        if proof == "quick" and verdict.ranges != tuple(model.captured.ranges for model in models):
            raise _DoubtError("the saved file is wrong at some sizes")
        # The ranges shrink, or more noise is measured than before, so this ends.
        models = [
            replace(model, captured=limited(model.captured, ranges))
            for model, ranges in zip(models, verdict.ranges, strict=True)
        ]
