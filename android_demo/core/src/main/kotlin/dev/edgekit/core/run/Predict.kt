package dev.edgekit.core.run

import dev.edgekit.core.format.InputException
import dev.edgekit.core.format.Manifest
import dev.edgekit.core.format.ModelPackage
import dev.edgekit.core.format.Outputs
import dev.edgekit.core.format.Tensor

/** A class of a picture: [score] is how likely it is, or in a mask its share of the pixels. */
data class Prediction(val index: Int, val label: String, val score: Double)

/**
 * What `predict` gives for a picture, in a package of the wanted task.
 *
 * @throws InputException where it gives something else, or does not take the picture
 */
internal fun predict(model: ModelPackage, runtime: ModelRuntime, picture: Tensor, task: String): Outputs {
    val manifest = model.requireManifest()
    requireTask(manifest, task)
    val method = manifest.method("predict")
    method.check(listOf(picture))
    manifest.resize?.let { checkResized(width = picture.shape[1], height = picture.shape[0], resize = it) }
    return runtime.run("predict", listOf(picture)).also(method::check)
}

/** Refuses a package whose `predict` gives something else, by the name of that. */
fun requireTask(manifest: Manifest, wanted: String) {
    val instead = when (manifest.task) {
        wanted -> return
        Manifest.LABELS -> "expected '$wanted'. Call classify()."
        Manifest.MASK -> "expected '$wanted'. Call segment()."
        else -> "this version knows ${Manifest.TASKS.joinToString(" and ")}. Update it, or run a method on arrays."
    }
    throw InputException("'predict' of ${manifest.name} gives '${manifest.task}'; $instead")
}

/** The name of a class, or its number if the package has no labels. */
internal fun labelOf(labels: List<String>, index: Int): String = labels.getOrElse(index) { "class $index" }
