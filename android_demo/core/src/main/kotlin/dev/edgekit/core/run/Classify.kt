package dev.edgekit.core.run

import dev.edgekit.core.format.DType
import dev.edgekit.core.format.InputException
import dev.edgekit.core.format.Manifest
import dev.edgekit.core.format.ModelException
import dev.edgekit.core.format.ModelPackage
import dev.edgekit.core.format.Outputs
import dev.edgekit.core.format.Tensor

data class Prediction(val index: Int, val label: String, val score: Double)

/**
 * The [count] most likely classes of an image, from `predict`, which returns all classes in descending order.
 *
 * @throws InputException where `predict` gives something else than labels
 */
fun classify(model: ModelPackage, runtime: ModelRuntime, image: Tensor, count: Int): List<Prediction> {
    val method = model.requireManifest().also(::requireLabels).method("predict")
    method.check(listOf(image))
    model.requireManifest().resize?.let { checkResized(width = image.shape[1], height = image.shape[0], resize = it) }
    val outputs = runtime.run("predict", listOf(image)).also(method::check)
    return topK(outputs, model.labels, count)
}

/** Refuses a package whose `predict` gives something else than labels, by the name of that. */
fun requireLabels(manifest: Manifest) {
    if (manifest.task == Manifest.LABELS) return
    throw InputException(
        "'predict' of ${manifest.name} gives '${manifest.task}'; this reader shows ${Manifest.LABELS}. " +
            "Use edgekit run or edgekit-runner.",
    )
}

internal fun topK(outputs: Outputs, labels: List<String>, count: Int): List<Prediction> {
    val scores = outputs["0"]
    val indices = outputs["1"]
    if (scores.dtype != DType.FLOAT32 || indices.dtype != DType.INT64 || scores.size != indices.size) {
        throw ModelException(
            "'predict' gave ${scores.dtype.id} ${scores.shape} and ${indices.dtype.id} ${indices.shape}; " +
                "expected float32 scores and as many int64 indices. Export the model again.",
        )
    }
    if (!scores.isFinite()) {
        throw ModelException("the model's scores are not numbers (NaN or infinite). Run the self-test.")
    }
    return List(minOf(count, scores.size)) { rank ->
        val index = indices.long(rank).toInt()
        Prediction(index, labels.getOrElse(index) { "class $index" }, scores.double(rank))
    }
}
