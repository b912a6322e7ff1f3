"""Writes an optimized model as a package. The manifest is written last, after the other records passed the parity check."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch

from edgekit.capture.captured import CapturedModel
from edgekit.engines import needs_engine
from edgekit.errors import UsageError
from edgekit.files import reserve, scratch_folder
from edgekit.format.archive import GOLDEN, LABELS, Archive
from edgekit.format.codec import to_json
from edgekit.format.golden import Golden, GoldenCase
from edgekit.format.labels import encode_labels
from edgekit.format.schema import (
    SCHEMA_VERSION,
    ConstantInfo,
    ImageSpec,
    Manifest,
    MethodSpec,
    ParityResult,
    Provenance,
    RuntimeHints,
    Tolerance,
)
from edgekit.format.writer import append_manifest, write_records
from edgekit.optimize.optimizer import OptimizedModel
from edgekit.packaging.boxes import box_cases, describe_boxes
from edgekit.packaging.combine import Part, combined, merged_evidence, merged_recipe, method_names
from edgekit.packaging.constants import name_constants
from edgekit.packaging.golden import golden_cases, predict_cases
from edgekit.packaging.lite_file import save_lite
from edgekit.packaging.masks import describe_mask, mask_cases
from edgekit.packaging.methods import check_labels, describe_method, describe_predict
from edgekit.packaging.predict import with_boxes, with_predict
from edgekit.parity.comparison import rounded
from edgekit.parity.gate import with_noise
from edgekit.parity.masks import sides_of
from edgekit.parity.ranking import Ranking
from edgekit.runtimes.compat import fitting
from edgekit.runtimes.results import CaseResult


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageDraft:
    """A written file that lacks only its manifest, and the content for the manifest. `records` are the digests."""

    path: Path
    optimized: OptimizedModel
    others: tuple[OptimizedModel, ...]
    tolerance: Tolerance
    cases: tuple[GoldenCase, ...]
    methods: tuple[MethodSpec, ...]
    image: ImageSpec | None
    constants: tuple[ConstantInfo, ...]
    operators: tuple[str, ...]
    bytecode_version: int
    records: dict[str, str]


def draft_package(
    optimized: OptimizedModel, tolerance: Tolerance, destination: Path, others: Sequence[OptimizedModel] = ()
) -> PackageDraft:
    """Saves the module for the lite interpreter, and writes every record except the manifest to `destination`.

    Temporary files are written to the folder of `destination`.

    Args:
        optimized: the first method, `forward` if the package has it.
        tolerance: the bounds of the golden cases.
        destination: the file to write.
        others: the other methods.

    Raises:
        OptimizeError: torch cannot save the module for the lite interpreter.
    """
    source, ranking = optimized.captured.source, optimized.captured.ranking
    models = (optimized, *others)
    parts: list[Part] = [(model.module, "forward", describe_method(model.captured, tolerance)) for model in models]
    cases = tuple(
        case
        for captured in (model.captured for model in models)
        for case in golden_cases(captured.references, tolerance, captured.source.method, captured.sizes)
    )
    if ranking is not None:
        if any(model.captured.source.method == "predict" for model in models):
            raise UsageError(
                f"{source.name}: the image contract adds a method predict, so --method predict:… cannot be exported with it. "
                "Rename the method, or export it without --image."
            )
        both, described, shown = _predict(optimized, ranking, tolerance)
        cases += shown
        parts = [(both, "forward", parts[0][2]), (both, "predict", described), *parts[1:]]
    methods = tuple(spec for _, _, spec in parts)
    module = parts[0][0] if method_names(parts[0][0]) == {spec.name for spec in methods} else combined(parts)
    extras = {GOLDEN: to_json(Golden(schema_version=SCHEMA_VERSION, cases=cases), indent=None)}
    if labels := check_labels(source.labels, methods, None if ranking is None else ranking.image):
        extras[LABELS] = encode_labels(labels)
    with scratch_folder(destination.parent) as scratch:
        reserve(scratch, sum(model.room_bytes for model in models))
        saved = save_lite(module, scratch, source.source)
        with Archive(saved) as archive:
            constants, bytecode = name_constants(archive, optimized.captured.parameters), archive.bytecode
        records = write_records(saved, destination, extras)
    return PackageDraft(
        path=destination,
        optimized=optimized,
        others=tuple(others),
        tolerance=tolerance,
        cases=cases,
        methods=methods,
        image=None if ranking is None else ranking.image,
        constants=constants,
        operators=bytecode.operators,
        bytecode_version=bytecode.version,
        records=records,
    )


def _predict(
    optimized: OptimizedModel, ranking: Ranking, tolerance: Tolerance
) -> tuple[torch.jit.ScriptModule, MethodSpec, tuple[GoldenCase, ...]]:
    """The first method and `predict` in one module, what `predict` is, and its golden cases."""
    source, pictures = optimized.captured.source, optimized.captured.pictures
    example = optimized.captured.references[0].probe.inputs
    if ranking.is_boxes:
        cases = box_cases(pictures, ranking, tolerance)
        return with_boxes(optimized.module, ranking, example), describe_boxes(cases), cases
    sides = sides_of(source.inputs[0].shape, optimized.captured.ranges)
    both = with_predict(optimized.module, ranking, example, sides)
    if ranking.is_mask:
        cases = mask_cases(source, pictures, ranking, sides, tolerance)
        return both, describe_mask(cases), cases
    cases = predict_cases(source, pictures, ranking, tolerance)
    return both, describe_predict(cases), cases


def finish_package(draft: PackageDraft, results: tuple[CaseResult, ...]) -> Manifest:
    """Appends the manifest with the parity results, and checks the file as readers do."""
    captured, models = draft.optimized.captured, (draft.optimized, *draft.others)
    hints = _hints(draft.operators)
    manifest = Manifest(
        schema_version=SCHEMA_VERSION,
        name=captured.source.name,
        provenance=_provenance(captured),
        capture=merged_evidence([_with_noise(model, draft.tolerance) for model in models]),
        recipe=merged_recipe(models),
        methods=draft.methods,
        image=draft.image,
        constants=draft.constants,
        operators=draft.operators,
        bytecode_version=draft.bytecode_version,
        fits=fitting(draft.operators, draft.bytecode_version, draft.methods, hints.quantized_engine),
        runtime=hints,
        tolerance=draft.tolerance,
        parity=_parity(draft, results),
        records=draft.records,
    )
    append_manifest(draft.path, to_json(manifest))
    with Archive(draft.path) as archive:
        archive.check_digests()
        archive.check_methods()
        archive.check_storages()
        archive.check_golden()
    return manifest


def _with_noise(model: OptimizedModel, tolerance: Tolerance) -> OptimizedModel:
    captured = model.captured
    evidence = with_noise(captured.evidence, (*captured.references, *captured.sizes), tolerance)
    return replace(model, captured=replace(captured, evidence=replace(evidence, proof=model.proof)))


def _parity(draft: PackageDraft, results: tuple[CaseResult, ...]) -> ParityResult:
    found = [result.comparison for result in results]
    return ParityResult(
        runtime="lite",
        cases=len(draft.cases),
        norm_error=rounded(max((c.norm_error or 0.0 for c in found), default=0.0)),
        max_error=rounded(max((c.max_error or 0.0 for c in found), default=0.0)),
    )


def _provenance(captured: CapturedModel) -> Provenance:
    source = captured.source
    return Provenance(
        source=source.source,
        pretrained=source.weights.kind == "named",
        weights=source.weights,
        versions=replace(captured.versions, finished_with=str(torch.__version__)),
    )


def _hints(operators: tuple[str, ...]) -> RuntimeHints:
    pool: Literal["xnnpack", "openmp"] = (
        "xnnpack" if any(name.startswith("prepacked::") for name in operators) else "openmp"
    )
    engine: Any = torch.backends.quantized.engine if needs_engine(operators) else None
    return RuntimeHints(pool=pool, quantized_engine=engine)
