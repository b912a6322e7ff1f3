package dev.edgekit.core.run

import dev.edgekit.core.format.Compared
import dev.edgekit.core.format.Comparison
import dev.edgekit.core.format.Document
import dev.edgekit.core.format.EdgekitException
import dev.edgekit.core.format.GoldenCase
import dev.edgekit.core.format.Json
import dev.edgekit.core.format.Manifest
import dev.edgekit.core.format.ModelPackage
import dev.edgekit.core.format.PackageException
import dev.edgekit.core.format.Reason
import dev.edgekit.core.format.compare

/** One line of a verdict: an output of a golden case. */
data class Verdict(val case: String, val comparison: Comparison)

/**
 * The verdict on this device's answers.
 *
 * @property unproven the outputs that a wrong model could give too, for example `forward: 0`; with one, nothing passes
 */
data class SelfTestReport(
    val modelName: String,
    val weights: String,
    val context: Map<String, String>,
    val verdicts: List<Verdict>,
    val unproven: List<String> = emptyList(),
) {
    val passed: Boolean get() = verdicts.isNotEmpty() && firstFailure == null && unproven.isEmpty()
    val firstFailure: Verdict? get() = verdicts.firstOrNull { !it.comparison.passed }

    /** The verdict document of `docs/format.md`. */
    fun toJson(): String = Document.write(
        context = mapOf(
            "package" to modelName,
            "weights" to weights,
            "passed" to passed,
            "unproven" to unproven,
        ) + context,
        results = verdicts.map { (case, comparison) -> row(case, comparison) },
    )

    private fun row(case: String, comparison: Comparison) = mapOf(
        "case" to case,
        "output" to comparison.output,
        "passed" to comparison.passed,
        "reason" to comparison.reason?.id,
        "norm_error" to comparison.normError,
        "max_error" to comparison.maxError,
        "cosine" to comparison.cosine,
        "top1" to comparison.top1,
        "worst_index" to comparison.worstIndex,
        "expected" to comparison.expected?.let(::json),
        "actual" to comparison.actual?.let(::json),
    )

    private fun json(compared: Compared): Any = when (compared) {
        is Compared.Element -> Json.numberOrWord(compared.value)
        is Compared.Text -> compared.text
    }
}

/**
 * Replays the package's golden cases on this runtime.
 *
 * @param progress receives the number of finished cases and the number of all
 * @throws PackageException where there are no cases, or where they cannot fail
 */
fun selfTest(
    model: ModelPackage,
    runtime: ModelRuntime,
    context: Map<String, String> = emptyMap(),
    progress: (done: Int, of: Int) -> Unit = { _, _ -> },
): SelfTestReport {
    val manifest = model.requireManifest()
    if (model.goldens.isEmpty()) throw PackageException("${model.name} has no golden cases to test with. Export it again.")
    model.requireStrictGoldens()
    val verdicts = model.goldens.flatMapIndexed { done, case ->
        progress(done, model.goldens.size)
        replay(case, manifest, runtime).map { Verdict(case.name, it) }
    }
    progress(model.goldens.size, model.goldens.size)
    return SelfTestReport(model.name, manifest.weights.kind, context, verdicts, manifest.unproven)
}

private fun replay(case: GoldenCase, manifest: Manifest, runtime: ModelRuntime): List<Comparison> = try {
    val method = manifest.method(case.method)
    val outputs = runtime.run(case.method, method.inputsOf(case))
    val wanted = case.structure ?: method.structure
    if (wanted == null || sameStructure(wanted, outputs.structure)) {
        compare(case.outputs, outputs.tensors, case.tolerance ?: manifest.tolerance)
    } else {
        val (expected, actual) = Compared.Text(wanted) to Compared.Text(outputs.structure)
        listOf(Comparison(ALL, Reason.STRUCTURE, expected = expected, actual = actual))
    }
} catch (e: EdgekitException) {
    listOf(Comparison(ALL, Reason.ERROR, expected = Compared.Text("outputs"), actual = Compared.Text(e.message.orEmpty())))
}

/** Android's runtime does not keep the order of a dict's keys, so with a dict only the names of the values are compared. */
private fun sameStructure(expected: String, actual: String) = expected == actual || (DICT in expected && DICT in actual)

private const val DICT = '{'

/** Stands for the output's name where the verdict is about the whole case. */
private const val ALL = "*"
