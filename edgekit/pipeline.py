"""The export pipeline: source, capture, optimize, package, verify."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.export import ExportedProgram
from torch.nn.parameter import is_lazy

from edgekit.capture.decide import Candidates
from edgekit.capture.modes import RequestedMode
from edgekit.engines import held_engine, supported_engines
from edgekit.errors import SourceError, UsageError, kind_of
from edgekit.files import atomic, scratch_folder
from edgekit.finishing import SERVER, Job, finish
from edgekit.format.schema import Activation, ImageSpec, Manifest, Proof, QuantizedEngine, Tolerance
from edgekit.format.writer import MOST_BYTES, too_large
from edgekit.handover import finish_in_workshop
from edgekit.optimize.recipes import DEFAULT_RECIPE, FITS, Fit
from edgekit.proving import ExportRequest, Progress, check_options
from edgekit.report.export import ExportDocument, export_document
from edgekit.runtimes.exported import remember_exported
from edgekit.runtimes.verdict import VerifyReport
from edgekit.runtimes.workshop import has_kernels
from edgekit.sources.compiled import without_compiling
from edgekit.sources.dynamic import as_dynamic
from edgekit.sources.examples import as_inputs
from edgekit.sources.images import as_image
from edgekit.sources.programs import from_exported
from edgekit.sources.quantized import engine_of
from edgekit.sources.resolve import load_source
from edgekit.sources.source import RankingRequest, SourceModel, SourceRequest, from_module
from edgekit.threads import held_threads

STAGES = ("source", "capture", "optimize", "package", "verify")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportReport:
    """What export wrote: the package, and beside it the server's TorchScript file and the JSON report."""

    package: Path
    server: Path | None
    report: Path
    manifest: Manifest
    verdict: VerifyReport
    document: ExportDocument


def export_source(
    source: str, request: SourceRequest, options: ExportRequest, progress: Progress = lambda _stage: None
) -> ExportReport:
    """Exports a source given as text; see `edgekit.sources.resolve.load_source` for the accepted forms."""
    progress("source")
    check_options(options)
    inputs = [path for path in (Path(source), request.checkpoint) if path is not None]
    with held_threads("xnnpack"), _requested_engine(request), without_compiling():
        return _export(load_source(source, request), request, options, progress, inputs)


def export(
    model: nn.Module | ExportedProgram,
    example_inputs: Sequence[Any] | Mapping[str, Any] | torch.Tensor | np.ndarray[Any, Any] | str = (),
    *,
    name: str | None = None,
    output: str | Path | None = None,
    mode: RequestedMode = "auto",
    recipe: str = DEFAULT_RECIPE,
    fit: Fit = FITS[0],
    image: ImageSpec | Mapping[str, Any] | Callable[..., Any] | str | None = None,
    rank: str | None = None,
    activation: Activation | None = None,
    labels: Sequence[str] = (),
    tolerance: Tolerance | None = None,
    allow_mismatch: bool = False,
    allow_unproven: bool = False,
    proof: Proof = "quick",
    server: bool = True,
    bind: Mapping[str, Any] | None = None,
    golden_sample: bool = True,
    quantized_engine: QuantizedEngine | None = None,
    methods: Mapping[str, Any] | None = None,
    dynamic: str | Sequence[str] | Mapping[str, Mapping[int, Sequence[int]]] | None = None,
) -> ExportReport:
    """Exports a module to a verified package.

    Args:
        model: any module, which export switches to eval mode and does not change otherwise; or a program of `torch.export`.
        example_inputs: for each parameter of `forward`, a tensor, a numpy array, or a text such as `1x16:int64[0,1000]`; or
            a dict of them by name, in any order. Tuples, lists and dicts of them may be nested, for example `[x, (h, c)]`.
            A tensor or an array is the first probe, its range is the range of the generated probes, and its bytes are in a
            golden case of the package (up to 1 MB in all).
        name: the name of the package; by default, the name of the class.
        output: the file to write; `build/mobile/<name>/<name>.ptl` by default.
        mode: auto, trace, script or hybrid.
        recipe: one of `edgekit.optimize.recipes.RECIPES`.
        fit: `android` uses only operators that Android's runtime has, where a pass can replace the others; `current` is
            for the newest runtime.
        image: for an image classifier on [N, C, crop, crop], the preprocessing that `predict` does: an ImageSpec, a
            transform of torchvision or timm (`Compose` of either version, or `weights.transforms()`), a dict or an object with
            timm's data-config keys, an image processor of Hugging Face, or a text as in `--image`. A step that `predict`
            cannot do is refused by its name.
        rank: the output that `predict` ranks, by its flattened name; by default, the only one with a row of scores.
        activation: softmax, sigmoid or none: what makes scores of that output. By default, `none` if the answers are scores
            already, `sigmoid` for one logit, or else `softmax`. The manifest has it.
        labels: the names of the classes. With two labels for one score p, `predict` gives 1 - p and p.
        tolerance: bounds other than 1e-5. The manifest records looser bounds.
        allow_mismatch: keep a capture that disagrees with the eager model on some probe, and record the mismatch.
        allow_unproven: keep outputs that hardly differ between the probes, and record them as unproven.
        proof: `quick` judges the capture and each pass on the sharpest probes and the saved file on all, and judges every
            step on all if the file is wrong on one of them; `full` judges every step on all.
        server: whether to write the server's file too.
        bind: values of other parameters of `forward`, for example `{"use_cache": False}`.
        golden_sample: whether the tensors and arrays of `example_inputs` become a golden case.
        quantized_engine: for a quantized model, the engine that the package needs; by default, the one for which its weights
            are packed, with torch's current engine first. Phones and ARM boards have `qnnpack`.
        methods: other methods to export, with their example inputs, for example `{"encode": (x,), "decode": "1x3"}`.
        dynamic: the sizes that axes of inputs must be able to take, for example `{"x": {2: (1, 320), 3: (32, 320, 32)}}` or
            `"x:2=1-320,x:3=32-320/32"`, where 32 is a multiple. Without it, sizes up to four times the example's are tried.

    Raises:
        EdgekitError: see `edgekit.errors`. No file is written in this case.
    """
    if not isinstance(model, nn.Module | ExportedProgram):
        raise UsageError(
            f"model is {kind_of(model)}; expected a torch.nn.Module, such as Net(), or a program of torch.export. Pass one."
        )
    for key, value in (bind or {}).items():
        if isinstance(value, torch.Tensor | np.ndarray):
            raise UsageError(f"bind {key} is a tensor; expected another value. Pass it in example_inputs, by its name.")
    inputs = tuple(as_inputs(getattr(model, "forward", None), example_inputs))
    name = name or type(model).__name__
    request = SourceRequest(
        inputs=inputs,
        image=None if image is None else as_image(image),
        ranking=RankingRequest(output=rank, activation=activation, image_given=image is not None),
        labels=tuple(labels),
        bound=dict(bind or {}),
        golden_sample=golden_sample,
        quantized_engine=quantized_engine,
        methods={
            method: tuple(as_inputs(getattr(model, method, None), given)) for method, given in (methods or {}).items()
        },
        dynamic=as_dynamic(dynamic),
    )
    options = ExportRequest(
        output=None if output is None else Path(output),
        mode=mode,
        recipe=recipe,
        fit=fit,
        tolerance=tolerance or Tolerance(),
        allow_mismatch=allow_mismatch,
        allow_unproven=allow_unproven,
        proof=proof,
        server=server,
    )
    check_options(options)
    with held_threads("xnnpack"), _requested_engine(request), without_compiling():
        place = f"{type(model).__module__}:{type(model).__qualname__}"
        if isinstance(model, ExportedProgram):
            source = from_exported(model, name=name, source=place, request=request)
        else:
            source = from_module(model, name=name, source=place, request=request)
        return _export(source, request, options, lambda _stage: None, ())


def _requested_engine(request: SourceRequest) -> AbstractContextManager[None]:
    """Holds the engine for quantized weights that the user requested, in which a loaded model is packed."""
    engine = request.quantized_engine
    if engine is not None and engine not in supported_engines():
        raise UsageError(
            f"--quantized-engine {engine}: torch on this machine does not have it; expected one of "
            f"{', '.join(supported_engines())}."
        )
    return held_engine(engine)


def _check_overwriting(outputs: Sequence[Path], inputs: Sequence[Path]) -> None:
    """Refuses to replace a file that the export reads."""
    for written in outputs:
        if any(read.is_file() and written.is_file() and read.samefile(written) for read in inputs):
            raise UsageError(
                f"the export to {outputs[0]} would overwrite its own source {written}. Choose another file with -o."
            )


def _check_size(source: SourceModel) -> None:
    """Refuses a model that no package can hold, before any work."""
    tensors = (*source.module.parameters(), *source.module.buffers())
    plain = [tensor for tensor in tensors if not is_lazy(tensor) and tensor.layout == torch.strided]
    size = sum(tensor.numel() * tensor.element_size() for tensor in plain)
    if size > MOST_BYTES:
        raise SourceError(f"{source.source}: {too_large('its package')}")


def _export(
    source: SourceModel, request: SourceRequest, options: ExportRequest, progress: Progress, inputs: Sequence[Path]
) -> ExportReport:
    tolerance = _recorded(options.tolerance)
    package = options.output or Path("build/mobile") / source.name / f"{source.name}.ptl"
    server, report = package.with_suffix(".pt"), package.with_suffix(".json")
    _check_overwriting((package, server, report), inputs)
    _check_size(source)
    engine = engine_of(source.module, source.example, source.name, request.quantized_engine)
    methods = [
        partial(Candidates, part, options.mode, tolerance, options.allow_mismatch) for part in (source, *source.others)
    ]
    with ExitStack() as files, held_engine(engine):
        new_package, new_report = (files.enter_context(atomic(path)) for path in (package, report))
        scratch = files.enter_context(scratch_folder(new_package.parent))
        job = Job(options=options, tolerance=tolerance, package=new_package, scratch=scratch)
        finished = (
            finish(job, methods, progress) if has_kernels() else finish_in_workshop(job, methods, progress, engine)
        )
        made = None if finished.server is None else replace(finished.server, file=server.name)
        if made is not None:
            (scratch / SERVER).replace(files.enter_context(atomic(server)))
        document = export_document(
            finished.manifest, package=package.name, package_bytes=new_package.stat().st_size, server=made
        )
        new_report.write_text(document.to_json(), encoding="ascii")
    remember_exported(package, *(() if made is None else (server,)))
    return ExportReport(
        package=package,
        server=None if made is None else server,
        report=report,
        manifest=finished.manifest,
        verdict=VerifyReport(path=str(package), manifest=finished.manifest, results=finished.results),
        document=document,
    )


def _recorded(tolerance: Tolerance) -> Tolerance:
    default = Tolerance()
    looser = tolerance.norm > default.norm or tolerance.max > default.max or tolerance.absolute > default.absolute
    return replace(tolerance, loosened=looser)
