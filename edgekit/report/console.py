"""Results as tables and lines for people, and progress on a terminal."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from edgekit.diagnosis import Check
from edgekit.errors import printable
from edgekit.format.schema import AS_MADE, BOXES, LABELS, MASK, ConstantInfo, ImageSpec, Manifest
from edgekit.inspection import Inspection
from edgekit.measure.bench import BenchReport
from edgekit.measure.regression import Change, CompareContext
from edgekit.runtimes.results import BenchResult, BoxScore, CaseResult, FitResult, OutputFile, PictureResult
from edgekit.runtimes.verdict import VerifyReport

UNPROVEN_MEANS = "The cases give almost the same answer, so a wrong model would agree too."


def _show(text: str = "", end: str = "\n") -> None:
    print(printable(text), end=end)


def banner(manifest: Manifest | None) -> str:
    """The first line of every verb for a package with random weights; empty otherwise."""
    if manifest is None or not manifest.random_weights:
        return ""
    name = printable(manifest.name)
    return f"RANDOM WEIGHTS (seed {manifest.provenance.weights.seed}): the answers of {name} mean nothing\n"


def bound(manifest: Manifest) -> str:
    """The bound on the errors, and the one for `predict`'s scores where there are any."""
    image = manifest.image
    activated = image is not None and image.task == LABELS and image.activation != "none"
    scores = ", for scores times the largest logit" if activated else ""
    loosened = ", loosened" if manifest.tolerance.loosened else ""
    noise = max((p.noise or 0.0 for p in manifest.capture.probes if p.verdict != "chaotic"), default=0.0)
    wider = f", up to 4 times float32's noise of {noise:.1e}" if 4.0 * noise > manifest.tolerance.norm else ""
    return f"bound {manifest.tolerance.norm:g}{loosened}{wider}{scores}"


def ranking(image: ImageSpec) -> str:
    """What `predict` ranks, makes a mask of, or finds."""
    if image.task == BOXES:
        fitted = "fitted into" if image.keep_ratio else "stretched to"
        return f"boxes in pixels of the picture, which is {fitted} the size of forward"
    if image.task == MASK:
        return f"mask of {image.classes} classes from output {image.output}, at the picture's own size"
    if image.activation == "none":
        return f"ranks output {image.output} as it is, without softmax or sigmoid"
    return f"ranks the {image.activation} of output {image.output}"


def print_table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    from tabulate import tabulate

    _show(tabulate(list(rows), headers=headers, tablefmt="simple", disable_numparse=True))


def size(size_bytes: int) -> str:
    """Bytes for a person: 46.8 MB."""
    value = float(size_bytes)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def print_verdict(report: VerifyReport) -> None:
    """A row for each output, then a line for each runtime."""
    _show(banner(report.manifest), end="")
    headers = ("runtime", "case", "output", "norm error", "max error", "cosine", "top-1", "worst at", "verdict")
    print_table(headers, map(_case_cells, report.results))
    unproven = report.manifest.unproven
    for runtime in dict.fromkeys(result.runtime for result in report.results):
        failed = [result for result in report.of(runtime) if not result.comparison.passed]
        verdict = (
            f"FAIL ({len(failed)} of {len(report.of(runtime))} outputs)" if failed else "agrees" if unproven else "pass"
        )
        _show(f"{report.manifest.name} on {runtime}: {verdict}, {bound(report.manifest)}")
    if unproven:
        _show(f"UNPROVEN: {', '.join(unproven)}. {UNPROVEN_MEANS}")


def _case_cells(result: CaseResult) -> tuple[str, ...]:
    found = result.comparison
    worst = "" if found.worst_index is None else f"{found.output}{list(found.worst_index)}"
    verdict = "pass" if found.passed else f"FAIL {found.reason}: expected {found.expected}, got {found.actual}"
    top1 = {True: "same", False: "differs", None: ""}[found.top1]
    return (
        result.runtime,
        result.case,
        found.output,
        "" if found.norm_error is None else f"{found.norm_error:.2e}",
        "" if found.max_error is None else f"{found.max_error:.2e}",
        "" if found.cosine is None else f"{found.cosine:.7f}",
        top1,
        worst,
        verdict,
    )


def print_bench(report: BenchReport, manifest: Manifest | None) -> None:
    """A row for each runtime, then the operators of each that has times for them."""
    _show(banner(manifest), end="")
    times = ("load ms", "first ms", "min ms", "p50 ms", "p90 ms", "p99 ms", "mean ms")
    turns = any(result.ratio is not None for result in report.results)
    rows = ((*_bench_cells(result), *((_ratio(result),) if turns else ())) for result in report.results)
    print_table(("runtime", *times, "runs", "threads", "peak", *(("p50 to first, range",) if turns else ())), rows)
    context = report.context
    recipe = "" if context.recipe is None else f", recipe {context.recipe}"
    method = report.results[0].method
    _show(
        f"{context.file}, {size(context.size_bytes or 0)}, digest {(context.digest or '')[:12]}{recipe}, method {method}"
    )
    for line in context.exceeded:
        _show(f"OVER BUDGET: {line}")
    for result in report.results:
        if result.operators:
            _show(f"\n{result.runtime}:")
            cells = [(row.name, f"{row.ms:.3f}", f"{row.percent:.1f}", row.calls) for row in result.operators]
            print_table(("operator", "ms", "%", "calls"), cells)


def _bench_cells(result: BenchResult) -> tuple[str, ...]:
    times = (
        *(result.load_ms, result.first_ms, result.min_ms),
        *(result.p50_ms, result.p90_ms, result.p99_ms, result.mean_ms),
    )
    counts = (str(result.iterations), str(result.threads), size(result.peak_rss_bytes))
    return (result.runtime, *(f"{time:.3f}" for time in times), *counts)


def _ratio(result: BenchResult) -> str:
    if result.ratio is None or result.ratio_range is None:
        return ""
    return f"{result.ratio:.3f}, {result.ratio_range[0]:.3f} to {result.ratio_range[1]:.3f}"


def print_changes(context: CompareContext, changes: Sequence[Change]) -> None:
    """A row for each figure, then what makes the comparison doubtful, and the verdict."""
    rows = [
        (
            change.what,
            change.figure.removesuffix("_bytes"),
            _figure(change.figure, change.old),
            _figure(change.figure, change.new),
            f"{100 * (change.ratio - 1):+.1f} %",
            f"{100 * change.noise:.1f} %",
            "REGRESSED" if change.regressed else "",
        )
        for change in changes
    ]
    print_table(("what", "figure", context.old, context.new, "change", "noise", ""), rows)
    for warning in context.warnings:
        _show(f"warning: {warning}")
    verdict = "no regression" if context.passed else "regressed"
    _show(f"{verdict}: threshold {100 * context.threshold:g} %, and for times the noise of both measurements")


def _figure(name: str, value: float) -> str:
    return size(int(value)) if name.endswith("_bytes") else f"{value:.3f}"


def print_fits(results: Sequence[FitResult], manifest: Manifest | None) -> None:
    """A row for each runtime, then what to do about those that lack an operator."""
    _show(banner(manifest), end="")
    rows = []
    for fit in results:
        lowest, highest = fit.bytecode_range
        bytecode = f"{fit.bytecode_version} of {lowest} to {highest}"
        rows.append((fit.runtime, "yes" if fit.fits else "NO", bytecode, "\n".join(fit.lacks)))
    print_table(("runtime", "fits", "bytecode", "lacks"), rows)
    for remedy in dict.fromkeys(fit.remedy for fit in results if not fit.fits):
        _show(f"{', '.join(fit.runtime for fit in results if fit.remedy == remedy)}: {remedy}")


def print_checks(checks: Sequence[Check]) -> None:
    """A row for each check, then what to do about those that are not well."""
    words = {"ok": "ok", "warning": "WARNING", "missing": "MISSING"}
    print_table(("", "status", "found"), [(check.name, words[check.status], check.found) for check in checks])
    if not (bad := [check for check in checks if check.status != "ok"]):
        return
    _show("\nWhat to do:")
    for remedy in dict.fromkeys(check.remedy for check in bad if check.remedy):
        _show(f"  {', '.join(check.name for check in bad if check.remedy == remedy)}: {remedy}")


def print_picture(picture: PictureResult, least: float | None = None) -> None:
    """The labels or boxes of a picture, best first, or the largest classes of its mask; and the files that were written.

    `least` is the least score of a box that was asked of a detector.
    """
    written = ", ".join(file for file in (picture.mask, picture.overlay) if file is not None)
    _show(f"{picture.file}:{f' -> {written}' if written else ''}")
    if least is None:
        print_table((), [(f"  {row.score:.6f}", row.label) for row in picture.labels])
    elif picture.boxes:
        print_table((), [(f"  {row.score:.6f}", row.label, _corners(row)) for row in picture.boxes])
    else:
        _show(f"  no box with a score of at least {least:g} (--min-score)")


def _corners(found: BoxScore) -> str:
    return ", ".join(f"{value:.1f}" for value in found.box)


def print_outputs(outputs: Sequence[OutputFile], folder: Path) -> None:
    """A line for each output of a run."""
    for row in outputs:
        file = f" -> {folder / row.file}" if row.file else ""
        _show(f"{row.output}: {row.dtype} {list(row.shape)}{file}")


def print_inspection(found: Inspection, digests_checked: int | None, *, signature_checked: bool) -> None:
    """Everything in a package except the weights."""
    _show(banner(found.manifest), end="")
    count = len(found.operators)
    _show(f"{found.file}  {size(found.size_bytes)}  bytecode {found.bytecode_version}, {count} operators")
    if found.manifest is None:
        _show("no edgekit manifest: a plain .ptl, which has no golden cases to verify")
    else:
        _print_manifest(found.manifest)
        _show(f"signature   {_signature_text(found.signed_by, signature_checked)}")
    if found.manifest is not None and found.manifest.image is not None:
        _show(f"predict     {ranking(found.manifest.image)}")
    if found.labels:
        _show(f"labels      {len(found.labels)}: {', '.join(found.labels[:4])}{', …' if len(found.labels) > 4 else ''}")
    if digests_checked is not None:
        _show(f"digests     {digests_checked} records agree")
    for method in found.methods:
        spec = None if found.manifest is None else found.manifest.method(method.name)
        more = " in one case: they depend on the data" if spec is not None and spec.structure is None else ""
        _show(f"\n{method.name}({', '.join(method.inputs)}) -> {', '.join(method.outputs)}{more}")
    _show("\noperators\n  " + "\n  ".join(found.operators))
    _show()
    print_table(("constant", "dtype", "shape", "parameter"), map(_constant_cells, found.constants))
    _show()
    print_table(("record", "size"), [(record.name, size(record.size_bytes)) for record in found.records])


def _signature_text(signed_by: str | None, checked: bool) -> str:
    if signed_by is None:
        return "none"
    return f"by the key {signed_by}, {'checked' if checked else 'not checked: give its file with --public-key'}"


def weights_text(manifest: Manifest) -> str:
    """Where the weights come from."""
    weights = manifest.provenance.weights
    if weights.kind == AS_MADE:
        return ": as the factory made them"
    return f" {weights.kind} {weights.name}" if weights.name else f" {weights.kind}"


def _print_manifest(manifest: Manifest) -> None:
    _show(f"source      {manifest.provenance.source}, weights{weights_text(manifest)}")
    versions = manifest.provenance.versions
    finished = "" if versions.finished_with in (None, versions.torch) else f", finished with {versions.finished_with}"
    _show(f"made by     edgekit {versions.edgekit}, torch {versions.torch}{finished}")
    _show(f"captured    {manifest.capture.mode}: {manifest.capture.reason}")
    if (error := manifest.capture.fast_path_error) is not None:
        _show(
            f"fused path  differs from the model by {error:.1e}: the package computes without torch's fused transformer path"
        )
    if manifest.capture.methods_left_out:
        _show(f"left out    the exported methods {', '.join(manifest.capture.methods_left_out)}")
    applied = ", ".join(step.name for step in manifest.recipe.passes if step.applied)
    _show(f"recipe      {manifest.recipe.name}: {applied or 'nothing'}")
    parity = manifest.parity
    _show(f"parity      {parity.cases} cases, largest error {parity.norm_error:.1e} ({bound(manifest)})")
    _show(f"fits        {', '.join(manifest.fits) or 'none of the known runtimes; see edgekit compat'}")
    if manifest.unproven:
        _show(f"UNPROVEN    {', '.join(manifest.unproven)}. {UNPROVEN_MEANS}")
    if any(None in spec.shape for method in manifest.methods if method.name != "predict" for spec in method.inputs):
        _show("sizes       * is not range-proved: the package has format 1")
    _show(f"threads     {manifest.runtime.pool} pool")
    if manifest.runtime.quantized_engine is not None:
        _show(f"engine      {manifest.runtime.quantized_engine}, for quantized weights")


def _constant_cells(constant: ConstantInfo) -> tuple[str, str, str, str]:
    return constant.record, constant.dtype, json.dumps(list(constant.shape)), constant.parameter or ""
