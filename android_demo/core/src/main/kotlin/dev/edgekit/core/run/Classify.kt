package dev.edgekit.core.run

import dev.edgekit.core.format.DType
import dev.edgekit.core.format.InputException
import dev.edgekit.core.format.Manifest
import dev.edgekit.core.format.ModelException
import dev.edgekit.core.format.ModelPackage
import dev.edgekit.core.format.Outputs
import dev.edgekit.core.format.Tensor

/**
 * The [count] most likely classes of a picture, from `predict`, which returns all classes in descending order.
 *
 * @throws InputException where `predict` gives something else than labels
 */
fun classify(model: ModelPackage, runtime: ModelRuntime, picture: Tensor, count: Int): List<Prediction> =
    topK(predict(model, runtime, picture, Manifest.LABELS), model.labels, count)

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
        Prediction(index, labelOf(labels, index), scores.double(rank))
    }
}
