"""The whole way: source, capture, optimize, package, verify."""

import json
import logging
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from torch import nn

from edgekit.capture.decide import capture
from edgekit.errors import ParityError, UsageError
from edgekit.files import atomic
from edgekit.format.archive import Archive
from edgekit.format.schema import SCHEMA_VERSION, ImageSpec, Manifest, Tolerance
from edgekit.optimize.recipes import DEFAULT_RECIPE, FITS, RECIPES, OptimizedModel, fitted, optimize
from edgekit.packaging.draft import PackageDraft, draft_package, with_parity, write_draft
from edgekit.packaging.server import check_server, save_server
from edgekit.runtimes.compat import ANDROID, operator_table, remedy
from edgekit.runtimes.verdict import VerifyReport, verify
from edgekit.sources.inputs import InputSpec, from_array, parse_input
from edgekit.sources.names import load_source
from edgekit.sources.source import SourceModel, SourceRequest, from_module
from edgekit.threads import warn_if_too_late

STAGES = ("source", "capture", "optimize", "package", "verify")
Progress = Callable[[str], None]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRequest:
    """How to export; `output` None means `build/mobile/<model>/<model>.ptl` in the working folder."""

    output: Path | None = None
    mode: str = "auto"
    recipe: str = DEFAULT_RECIPE
    fit: str = FITS[0]
    tolerance: Tolerance = Tolerance()  # noqa: RUF009  frozen
    allow_mismatch: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportReport:
    """What export made: the package, the server's TorchScript file and the JSON report beside it."""

    package: Path
    server: Path
    report: Path
    manifest: Manifest
    verdict: VerifyReport
    server_norm_error: float


def export_source(
    source: str, request: SourceRequest, options: ExportRequest, progress: Progress = lambda _stage: None
) -> ExportReport:
    """Exports a source given by name; see `zoo.load_source` for what a name can be."""
    progress("source")
    _check_options(options)
    inputs = [path for path in (Path(source), request.checkpoint) if path is not None]
    return _export(load_source(source, request), options, progress, inputs)


def export(
    model: nn.Module,
    example_inputs: Sequence[Any] | torch.Tensor | np.ndarray[Any, Any] | str = (),
    *,
    name: str | None = None,
    output: str | Path | None = None,
    mode: str = "auto",
    recipe: str = DEFAULT_RECIPE,
    fit: str = FITS[0],
    image: ImageSpec | None = None,
    labels: Sequence[str] = (),
    tolerance: Tolerance | None = None,
    allow_mismatch: bool = False,
) -> ExportReport:
    """Exports a module to a verified package.

    Args:
        model: any module; it is left as it is, but for eval mode.
        example_inputs: for each parameter of `forward` a tensor, a numpy array, or a text such as `1x16:int64[0,1000]`.
            Their ranges are the ranges of the probes.
        name: the package's name; the class's by default.
        output: the file to write; `build/mobile/<name>/<name>.ptl` by default.
        mode: auto, trace, script or hybrid.
        recipe: one of `edgekit.optimize.recipes.RECIPES`.
        fit: `android` keeps to operators that Android's runtime has, where a pass can; `current` is for the newest.
        image: for an image classifier on [N, C, crop, crop], the preprocessing that `predict` gets.
        labels: the names of the classes.
        tolerance: looser or tighter bounds than 1e-5; what is looser is recorded.
        allow_mismatch: keep a capture that some probe contradicts, and record it.

    Raises:
        EdgekitError: see `edgekit.errors`; nothing is written then.
    """
    warn_if_too_late()
    if isinstance(example_inputs, str | torch.Tensor | np.ndarray):  # one input, and not a sequence of its rows
        example_inputs = (example_inputs,)
    inputs = tuple(_as_input(value) for value in example_inputs)
    name = name or type(model).__name__
    request = SourceRequest(inputs=inputs, image=image, labels=tuple(labels))
    source = from_module(
        model, name=name, source=f"{type(model).__module__}:{type(model).__qualname__}", request=request
    )
    options = ExportRequest(
        output=None if output is None else Path(output),
        mode=mode,
        recipe=recipe,
        fit=fit,
        tolerance=tolerance or Tolerance(),
        allow_mismatch=allow_mismatch,
    )
    _check_options(options)
    return _export(source, options, lambda _stage: None, ())


def _as_input(value: Any) -> InputSpec:
    if isinstance(value, str):
        return parse_input(value)
    if isinstance(value, torch.Tensor):
        return from_array("", value.detach().cpu().numpy())
    if isinstance(value, np.ndarray):
        return from_array("", value)
    raise UsageError(
        f"an example input is a {type(value).__name__}; expected a tensor, an array, or a text such as 1x3x224x224."
    )


def _check_options(options: ExportRequest) -> None:
    if options.recipe not in RECIPES:
        raise UsageError(f"unknown recipe {options.recipe!r}; expected one of {', '.join(RECIPES)}.")
    if options.fit not in FITS:
        raise UsageError(f"unknown fit {options.fit!r}; expected one of {', '.join(FITS)}.")
    if options.output is not None and options.output.suffix != ".ptl":
        raise UsageError(f"-o {options.output}: expected a file name that ends in .ptl.")


def _check_overwriting(package: Path, inputs: Sequence[Path]) -> None:
    """The files beside the package must not take the place of what it is made from."""
    for written in (package, package.with_suffix(".pt"), package.with_suffix(".json")):
        if any(read.is_file() and written.is_file() and read.samefile(written) for read in inputs):
            raise UsageError(
                f"the export to {package} would overwrite its own source {written}. Name another file with -o."
            )


def _export(source: SourceModel, options: ExportRequest, progress: Progress, inputs: Sequence[Path]) -> ExportReport:
    tolerance = _recorded(options.tolerance)
    package = options.output or Path("build/mobile") / source.name / f"{source.name}.ptl"
    _check_overwriting(package, inputs)
    with atomic(package) as new_package, atomic(package.with_suffix(".pt")) as new_server:
        progress("capture")
        captured = capture(source, options.mode, tolerance, options.allow_mismatch)
        progress("optimize")
        optimized = optimize(captured, fitted(RECIPES[options.recipe], options.fit), tolerance)
        progress("package")
        with tempfile.TemporaryDirectory(prefix=".edgekit-", dir=package.parent) as scratch:
            draft, saved = draft_package(optimized, tolerance, Path(scratch))
            if options.fit == "android":
                _warn_if_unfit(draft.manifest)
            progress("verify")
            verdict = _write_verified(draft, saved, new_package)
        server_error = _write_server(optimized, new_server, tolerance)
        report = ExportReport(
            package=package,
            server=package.with_suffix(".pt"),
            report=package.with_suffix(".json"),
            manifest=verdict.manifest,
            verdict=replace(verdict, path=str(package)),
            server_norm_error=server_error,
        )
        with atomic(report.report) as new_report:
            new_report.write_text(_report_text(report, new_package.stat().st_size, new_server.stat().st_size))
    return report


def _warn_if_unfit(manifest: Manifest) -> None:
    if ANDROID in manifest.fits:
        return
    missing = [name for name in manifest.operators if name not in operator_table(ANDROID).operators]
    told = remedy(manifest.operators, manifest.bytecode_version, missing, manifest)
    _log.warning("%s does not fit %s, which lacks %s: %s", manifest.name, ANDROID, ", ".join(missing), told)


def _write_verified(draft: PackageDraft, saved: Path, path: Path) -> VerifyReport:
    """Writes the package, replays its golden cases, and writes it again with the errors found in its manifest.

    Every other record is the same in both, as the digests show: so what was verified is what is kept.
    """
    first = write_draft(draft, saved, path)
    verdict = verify(path)
    failed = next((result for result in verdict.results if not result.comparison.passed), None)
    if failed is not None:
        found = failed.comparison
        raise ParityError(
            f"{first.name}: the saved file disagrees with the eager model on case {failed.case!r}, output {found.output}: "
            f"{found.reason}, expected {found.expected}, got {found.actual}. Nothing was written."
        )
    final = write_draft(with_parity(draft, [result.comparison for result in verdict.results]), saved, path)
    if final.records != first.records:
        raise RuntimeError(f"{first.name}: the same records were written twice with other digests.")
    with Archive(path) as archive:
        archive.check_digests()
    return replace(verdict, manifest=final)


def _recorded(tolerance: Tolerance) -> Tolerance:
    default = Tolerance()
    looser = tolerance.norm > default.norm or tolerance.max > default.max or tolerance.absolute > default.absolute
    return replace(tolerance, loosened=looser)


def _write_server(optimized: OptimizedModel, path: Path, tolerance: Tolerance) -> float:
    save_server(optimized, path)
    return check_server(path, optimized.captured.references, tolerance)


def _report_text(report: ExportReport, package_bytes: int, server_bytes: int) -> str:
    document = {
        "schema_version": SCHEMA_VERSION,
        "context": {"name": report.manifest.name, "versions": msgspec.to_builtins(report.manifest.provenance.versions)},
        "results": {
            "package": report.package.name,
            "package_bytes": package_bytes,
            "server": report.server.name,
            "server_bytes": server_bytes,
            "server_norm_error": report.server_norm_error,
            "weights": msgspec.to_builtins(report.manifest.provenance.weights),
            "capture": {"mode": report.manifest.capture.mode, "reason": report.manifest.capture.reason},
            "recipe": msgspec.to_builtins(report.manifest.recipe),
            "parity": msgspec.to_builtins(report.manifest.parity),
        },
    }
    return json.dumps(document, indent=1) + "\n"
