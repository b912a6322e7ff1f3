"""From an optimized model to the text of a package: methods, goldens, labels and the manifest."""

import logging
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from edgekit.errors import OptimizeError, UsageError, first_line
from edgekit.files import reserve
from edgekit.format.archive import GOLDEN, LABELS, Archive
from edgekit.format.codec import to_json
from edgekit.format.compare import Comparison
from edgekit.format.labels import encode_labels
from edgekit.format.schema import (
    SCHEMA_VERSION,
    Golden,
    GoldenCase,
    ImageSpec,
    Manifest,
    MethodSpec,
    ParityResult,
    Provenance,
    RuntimeHints,
    TensorSpec,
    Tolerance,
    Versions,
)
from edgekit.format.writer import write_package
from edgekit.optimize.recipes import OptimizedModel, rounded
from edgekit.packaging.constants import name_constants
from edgekit.packaging.golden import golden_cases, predict_cases
from edgekit.packaging.predict import with_predict
from edgekit.parity.eager import Reference
from edgekit.runtimes.compat import fitting
from edgekit.sources.source import SourceModel
from edgekit.version import __version__

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageDraft:
    """All of a package but the digests, which only its bytes can give."""

    module: torch.jit.ScriptModule
    golden: Golden
    manifest: Manifest
    labels: tuple[str, ...]


def image_of(optimized: OptimizedModel) -> ImageSpec | None:
    """The image contract, where the model is an image classifier: one picture in, one row of logits out."""
    source, first = optimized.captured.source, optimized.captured.references[0]
    image = source.image
    if image is None or first.structure != "*" or len(source.inputs) != 1:
        return None
    logits = first.outputs["0"]
    wanted = (image.channels, image.crop, image.crop)
    fits = source.inputs[0].shape[1:] == wanted and logits.ndim == 2 and logits.dtype.kind == "f"
    if not fits:
        _log.warning(
            "%s gets no predict: it takes %s and gives %s; an image classifier with this preprocessing takes [N, %d, %d, %d] "
            "and gives float32 [N, classes]",
            source.name,
            list(source.inputs[0].shape),
            f"{logits.dtype} {list(logits.shape)}",
            *wanted,
        )
    return image if fits else None


def draft_package(optimized: OptimizedModel, tolerance: Tolerance, folder: Path) -> tuple[PackageDraft, Path]:
    """Saves for the lite interpreter into `folder` and describes that file, but for its parity.

    Raises:
        OptimizeError: torch cannot save the module for the lite interpreter.
    """
    captured = optimized.captured
    source, image = captured.source, image_of(optimized)
    cases = golden_cases(captured.references)
    module = optimized.module
    if image is not None:
        module = with_predict(module, image)
        cases += predict_cases(source, image, tolerance)
    reserve(folder, optimized.room_bytes)
    saved = _save_lite(module, folder)
    with Archive(saved) as archive:
        manifest = Manifest(
            schema_version=SCHEMA_VERSION,
            name=source.name,
            provenance=_provenance(source),
            capture=captured.evidence,
            recipe=optimized.recipe,
            methods=_methods(optimized, image, cases),
            image=image,
            constants=name_constants(archive, source.module),
            operators=archive.bytecode.operators,
            bytecode_version=archive.bytecode.version,
            fits=fitting(archive.bytecode.operators, archive.bytecode.version),
            runtime=_hints(archive.bytecode.operators),
            tolerance=tolerance,
            parity=ParityResult(runtime="lite", cases=0, norm_error=0.0, max_error=0.0),
            records={},
        )
    golden = Golden(schema_version=SCHEMA_VERSION, cases=cases)
    return PackageDraft(module=module, golden=golden, manifest=manifest, labels=_labels(source, manifest)), saved


def write_draft(draft: PackageDraft, saved: Path, destination: Path) -> Manifest:
    """Writes the package under a temporary name that the caller publishes, and gives its final manifest."""
    final = draft.manifest
    extras = {GOLDEN: to_json(draft.golden, indent=None)}
    if draft.labels:
        extras[LABELS] = encode_labels(draft.labels)

    def manifest_text(records: dict[str, str]) -> str:
        nonlocal final
        final = replace(draft.manifest, records=records)
        return to_json(final)

    write_package(saved, destination, extras, manifest_text)
    return final


def _save_lite(module: torch.jit.ScriptModule, folder: Path) -> Path:
    path = Path(tempfile.mkdtemp(dir=folder)) / "archive.ptl"
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        try:
            module._save_for_lite_interpreter(str(path))
        except RuntimeError as error:
            first = first_line(error)
            raise OptimizeError(f"torch cannot save this model for the lite interpreter: {first}") from error
    return path


def _provenance(source: SourceModel) -> Provenance:
    torchvision = None
    if source.source.startswith("torchvision:"):
        import torchvision as installed

        torchvision = installed.__version__
    return Provenance(
        source=source.source,
        pretrained=source.weights.kind == "named",
        weights=source.weights,
        versions=Versions(edgekit=__version__, torch=str(torch.__version__), torchvision=torchvision),
    )


def _hints(operators: tuple[str, ...]) -> RuntimeHints:
    return RuntimeHints(pool="xnnpack" if any(name.startswith("prepacked::") for name in operators) else "openmp")


def _methods(
    optimized: OptimizedModel, image: ImageSpec | None, cases: tuple[GoldenCase, ...]
) -> tuple[MethodSpec, ...]:
    captured = optimized.captured
    free = set(captured.free_axes)
    inputs = tuple(
        TensorSpec(
            name=spec.name,
            dtype=spec.dtype,
            shape=tuple(None if (index, axis) in free else size for axis, size in enumerate(spec.shape)),
            low=spec.low,
            high=spec.high,
        )
        for index, spec in enumerate(captured.source.inputs)
    )
    first = captured.references[0]
    outputs = tuple(_output(name, captured.references, free) for name in first.outputs)
    methods = (MethodSpec(name="forward", structure=first.structure, inputs=inputs, outputs=outputs),)
    if image is None:
        return methods
    picture = TensorSpec(name="image", dtype="uint8", shape=(None, None, 3), low=0, high=255)
    ranked = next(case.outputs for case in cases if case.method == "predict")
    results = tuple(TensorSpec(name=output.name, dtype=output.dtype, shape=output.shape) for output in ranked)
    return (*methods, MethodSpec(name="predict", structure="(*, *)", inputs=(picture,), outputs=results))


def _output(name: str, references: tuple[Reference, ...], free: set[tuple[int, int]]) -> TensorSpec:
    value = references[0].outputs[name]
    shape: list[int | None] = list(value.shape)
    for reference in references:
        if set(reference.probe.axes) <= free and name in reference.outputs:
            for axis, size in enumerate(reference.outputs[name].shape):
                if axis < len(shape) and size != value.shape[axis]:
                    shape[axis] = None
    return TensorSpec(name=name, dtype=str(value.dtype), shape=tuple(shape))


def _labels(source: SourceModel, manifest: Manifest) -> tuple[str, ...]:
    predict = manifest.method("predict")
    if predict is None:
        return ()
    classes = predict.outputs[0].shape[0]
    if source.labels and len(source.labels) != classes:
        raise UsageError(f"{len(source.labels)} labels were given for {classes} classes. Give one for each, in order.")
    return source.labels


def with_parity(draft: PackageDraft, comparisons: Sequence[Comparison]) -> PackageDraft:
    """The draft with the largest errors that its golden cases had on the written file."""
    parity = ParityResult(
        runtime="lite",
        cases=len(draft.golden.cases),
        norm_error=rounded(max((c.norm_error or 0.0 for c in comparisons), default=0.0)),
        max_error=rounded(max((c.max_error or 0.0 for c in comparisons), default=0.0)),
    )
    return replace(draft, manifest=replace(draft.manifest, parity=parity))
