"""Takes a source to a proved draft of a package: the first capture that survives optimization, saving and loading."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from edgekit.capture.decide import Candidates, limited
from edgekit.capture.modes import REQUESTED_MODES, Mode, RequestedMode
from edgekit.errors import EdgekitError, OptimizeError, ParityError, UsageError
from edgekit.format.schema import Proof, Tolerance
from edgekit.optimize.optimizer import OptimizedModel, optimize
from edgekit.optimize.passes.base import passes_of
from edgekit.optimize.recipes import DEFAULT_RECIPE, FITS, RECIPES, Fit
from edgekit.optimize.sharing import SharedConstants
from edgekit.packaging.draft import PackageDraft, draft_package, prove_draft, proved_ranges
from edgekit.packaging.proof import check_proven
from edgekit.runtimes.results import CaseResult
from edgekit.sources.source import SourceModel

Progress = Callable[[str], None]
Proved = tuple[PackageDraft, tuple[CaseResult, ...]]

_log = logging.getLogger(__name__)


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
    source: SourceModel, options: ExportRequest, tolerance: Tolerance, path: Path, progress: Progress
) -> Proved:
    """A package with all methods of a source. Each method is captured, optimized and proved alone, then all in one file."""
    if not source.others:
        return _surviving(source, options, tolerance, path, progress)
    shared = SharedConstants()
    first, *others = (
        _surviving(part, options, tolerance, path, progress, shared)[0].optimized for part in (source, *source.others)
    )
    progress("package")
    draft = draft_package(first, tolerance, path, others)
    progress("verify")
    return draft, prove_draft(draft)


def _surviving(
    source: SourceModel,
    options: ExportRequest,
    tolerance: Tolerance,
    path: Path,
    progress: Progress,
    shared: SharedConstants | None = None,
) -> Proved:
    """Takes the first capture that still agrees with the eager model after it was optimized, saved and loaded.

    A capture on which the gate drops an essential pass is taken only if there is no other.
    """
    progress("capture")
    candidates = Candidates(source, options.mode, tolerance, options.allow_mismatch)
    recipe = RECIPES[options.recipe]
    refused: dict[Mode, str] = {}
    lossy: OptimizedModel | None = None
    failures: list[EdgekitError] = []
    while (captured := candidates.best(refused)) is not None:
        if not options.allow_unproven:
            check_proven(captured, tolerance)
        try:
            progress("optimize")
            optimized = optimize(
                captured, recipe.name, passes_of(recipe, options.fit), tolerance, shared, options.proof
            )
            if optimized.lost:
                refused[captured.decision.mode] = f"loses {optimized.lost}"
                lossy = lossy or optimized
                continue
            return _proved(optimized, tolerance, path, progress)
        except (OptimizeError, ParityError) as error:
            refused[captured.decision.mode] = f"does not survive to the saved file ({error})"
            failures.append(error)
    if lossy is not None:
        return _proved(lossy, tolerance, path, progress)
    raise failures[0]


def _proved(optimized: OptimizedModel, tolerance: Tolerance, path: Path, progress: Progress) -> Proved:
    progress("package")
    draft = draft_package(optimized, tolerance, path)
    progress("verify")
    ranges = proved_ranges(draft)
    if ranges != optimized.captured.ranges:
        captured = limited(optimized.captured, ranges)
        _log.warning("%s: the manifest leaves out the sizes on which the saved file disagrees", captured.source.name)
        draft = draft_package(replace(optimized, captured=captured), tolerance, path)
    try:
        return draft, prove_draft(draft)
    except ParityError as error:
        captured = draft.optimized.captured
        if not captured.ranges or captured.source.dynamic:
            raise
        # Eager itself may be at fault there: some operators read beyond their input at sizes that they do not check.
        _log.warning("%s: the manifest has the example's sizes alone: %s", captured.source.name, error)
        draft = draft_package(replace(optimized, captured=limited(captured, ())), tolerance, path)
        return draft, prove_draft(draft)
