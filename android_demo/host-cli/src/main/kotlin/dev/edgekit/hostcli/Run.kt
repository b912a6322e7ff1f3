package dev.edgekit.hostcli

import dev.edgekit.core.format.Document
import dev.edgekit.core.format.ImageException
import dev.edgekit.core.format.InputException
import dev.edgekit.core.format.Manifest
import dev.edgekit.core.format.MethodSpec
import dev.edgekit.core.format.ModelException
import dev.edgekit.core.format.ModelPackage
import dev.edgekit.core.format.Npy
import dev.edgekit.core.format.Tensor
import dev.edgekit.core.run.Prediction
import dev.edgekit.core.run.classify
import dev.edgekit.core.run.requireTask
import java.io.File
import java.io.IOException

private const val FIRST_PICTURE = 3
private const val DEFAULT_TOPK = 5

internal fun run(model: ModelPackage, options: Options): Int {
    val pictures = options.positionalFrom(FIRST_PICTURE).map(::File)
    val results = when {
        pictures.isNotEmpty() && "--input" in options ->
            throw UsageException("pictures and --input exclude each other: pictures go through predict, arrays through --method.")
        pictures.isNotEmpty() -> runPictures(model, pictures, options)
        "--overlay" in options -> throw UsageException("--overlay is for pictures, and none was given. Give a picture, or leave it out.")
        else -> runArrays(model, options)
    }
    println(Document.write(context(model), results))
    return results.mapNotNull { it["error"] as String? }.maxOfOrNull { fail(EXIT_USAGE, it) } ?: EXIT_PASS
}

internal fun context(model: ModelPackage) =
    mapOf("package" to model.name, "weights" to model.manifest?.weights?.kind, "runtime" to RUNTIME_NAME)

/** As the app does it, from pixels to labels or a mask; a bad picture does not stop the others. */
private fun runPictures(model: ModelPackage, pictures: List<File>, options: Options): List<Map<String, Any?>> {
    val manifest = model.requireManifest()
    if (manifest.methods.none { it.name == "predict" }) {
        throw UsageException("${model.file.name} has no method 'predict': it does not take pictures. Give arrays with --input.")
    }
    val count = options.int("--topk", least = 1) ?: DEFAULT_TOPK
    val masks = manifest.task == Manifest.MASK
    if (!masks) requireTask(manifest, Manifest.LABELS)
    val files = if (masks) maskFiles(model, pictures, options) else noFiles(model, pictures, options)
    return load(model).use { runtime ->
        pictures.zip(files) { picture, wanted ->
            try {
                val pixels = pixels(picture, if (masks) 0 else manifest.resize ?: 0)
                val found = if (masks) writeMask(model, runtime, pixels, wanted) else classify(model, runtime, pixels, count)
                row(picture, found.take(count), wanted)
            } catch (e: ImageException) {
                row(picture, error = e.message)
            }
        }
    }
}

private fun noFiles(model: ModelPackage, pictures: List<File>, options: Options): List<MaskFiles> {
    for (option in MASK_OPTIONS.filter { it in options }) {
        throw UsageException("$option ${options.text(option)}: ${model.file.name} gives labels for pictures, not masks. Leave $option out.")
    }
    return pictures.map { MaskFiles() }
}

private fun row(picture: File, found: List<Prediction> = emptyList(), files: MaskFiles = MaskFiles(), error: String? = null): Map<String, Any?> =
    mapOf(
        "file" to picture.path,
        "labels" to found.map { mapOf("label" to it.label, "score" to it.score) },
        "boxes" to emptyList<Any>(), // of detectors, which this library cannot run
        "error" to error,
        "mask" to files.mask?.path,
        "overlay" to files.overlay?.path,
    )

private fun runArrays(model: ModelPackage, options: Options): List<Map<String, Any?>> {
    val method = options.text("--method") ?: "forward"
    val target = File(options.text("-o") ?: throw UsageException("-o is missing; expected a .npy file or an existing folder for the outputs."))
    val spec = spec(model, method)
    val inputs = inputs(options.texts("--input"), spec, method)
    spec?.check(inputs)
    inputs.firstOrNull { !it.isFinite() }?.let { throw InputException("an input of '$method' has NaN or infinite elements. Clean it.") }
    val outputs = load(model).use { runtime ->
        options.int("--threads", least = 1)?.let(runtime::setThreads)
        runtime.run(method, inputs).also { spec?.check(it) }.tensors
    }
    outputs.entries.firstOrNull { !it.value.isFinite() }?.let { (name, _) ->
        throw ModelException("output '$name' of '$method' has NaN or infinite elements for finite inputs. Run verify on this package.")
    }
    val files = outputFiles(target, outputs.keys)
    outputs.forEach { (name, tensor) -> write(files.getValue(name), tensor) }
    return outputs.map { (name, tensor) ->
        mapOf("output" to name, "file" to files.getValue(name).name, "dtype" to tensor.dtype.id, "shape" to tensor.shape)
    }
}

/** Null for a plain `.ptl` without a manifest, whose methods nobody knows. */
private fun spec(model: ModelPackage, method: String): MethodSpec? {
    val manifest = model.manifest ?: return null
    return manifest.methods.find { it.name == method }
        ?: throw UsageException("${model.file.name} has no method '$method'; it has ${manifest.methods.joinToString { it.name }}.")
}

private fun inputs(words: List<String>, spec: MethodSpec?, method: String): List<Tensor> {
    val named = words.map { it.substringBeforeLast('=', "") to File(it.substringAfterLast('=')) }
    if (named.all { it.first.isEmpty() }) return named.map { Npy.read(it.second) }
    val names = spec?.inputs?.map { it.name }
        ?: throw UsageException("the inputs of '$method' have no names, because the file has no manifest. Give them in order.")
    if (named.size != names.size || named.map { it.first }.toSet() != names.toSet()) {
        throw UsageException("--input names ${named.map { it.first }} for '$method'; expected $names.")
    }
    val files = named.toMap()
    return names.map { Npy.read(files.getValue(it)) }
}

/** A file for each output; names are the model's own words, and may have characters that a file name may not have. */
internal fun outputFiles(target: File, names: Set<String>): Map<String, File> {
    if (names.size == 1 && !target.isDirectory) return mapOf(names.single() to target)
    val files = names.associateWith { name ->
        val safe = plainName(name)
        if (target.isDirectory) File(target, "$safe.npy") else target.resolveSibling("${target.nameWithoutExtension}.$safe.npy")
    }
    if (files.values.toSet().size < files.size) throw UsageException("the outputs $names give the same file names.")
    return files
}

/** A name without the characters that a file name may not have. */
internal fun plainName(name: String): String = name.replace(Regex("[^A-Za-z0-9_.-]"), "_")

private fun write(file: File, tensor: Tensor) = try {
    Npy.write(file, tensor)
} catch (e: IOException) {
    throw UsageException("-o ${file.path} cannot be written (${e.message}). Choose another place.")
}
