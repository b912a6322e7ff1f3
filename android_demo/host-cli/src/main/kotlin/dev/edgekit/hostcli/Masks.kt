package dev.edgekit.hostcli

import dev.edgekit.core.format.ModelPackage
import dev.edgekit.core.format.Tensor
import dev.edgekit.core.format.writeWhole
import dev.edgekit.core.run.CLASSES
import dev.edgekit.core.run.ModelRuntime
import dev.edgekit.core.run.Overlay
import dev.edgekit.core.run.Prediction
import dev.edgekit.core.run.classColour
import dev.edgekit.core.run.classesIn
import dev.edgekit.core.run.segment
import java.awt.image.BufferedImage
import java.awt.image.DataBuffer
import java.awt.image.IndexColorModel
import java.io.File
import java.io.IOException
import java.nio.file.Files
import javax.imageio.ImageIO

/** The files to write for a picture; null where none is wanted. */
internal data class MaskFiles(val mask: File? = null, val overlay: File? = null)

internal val MASK_OPTIONS = listOf("-o", "--overlay")

/** The files for each picture. With several pictures, each adds its name before the suffix. */
internal fun maskFiles(model: ModelPackage, pictures: List<File>, options: Options): List<MaskFiles> {
    val (masks, overlays) = MASK_OPTIONS.map { named(it, options.text(it), pictures) }
    val wanted = (masks + overlays).filterNotNull()
    for (file in wanted) {
        if (wanted.count { it == file } > 1) {
            throw UsageException("${file.path} would be written twice. Choose other names, or run the pictures one by one.")
        }
        if ((pictures + model.file).any { it.exists() && file.exists() && Files.isSameFile(it.toPath(), file.toPath()) }) {
            throw UsageException("${file.path} is read by this run; expected another file. Choose a new name.")
        }
    }
    return masks.zip(overlays, ::MaskFiles)
}

private fun named(option: String, wanted: String?, pictures: List<File>): List<File?> {
    val file = wanted?.let(::File) ?: return pictures.map { null }
    if (!file.extension.equals("png", ignoreCase = true)) {
        throw UsageException("$option $wanted: masks are PNG files; expected a name that ends in .png.")
    }
    if (pictures.size == 1) return listOf(file)
    return pictures.map { file.resolveSibling("${file.nameWithoutExtension}.${plainName(it.nameWithoutExtension)}.${file.extension}") }
}

/** Runs a picture, and writes its files. */
internal fun writeMask(model: ModelPackage, runtime: ModelRuntime, picture: Tensor, files: MaskFiles): List<Prediction> {
    val mask = segment(model, runtime, picture)
    files.mask?.let { write(it, maskImage(mask)) }
    files.overlay?.let { write(it, overlayImage(picture, mask)) }
    return classesIn(mask, model.labels)
}

/** Its palette has the colours of the classes, which are the indices. */
private fun maskImage(mask: Tensor): BufferedImage {
    val (height, width) = mask.shape
    val palette = IndexColorModel(8, CLASSES, IntArray(CLASSES, ::classColour), 0, false, -1, DataBuffer.TYPE_BYTE)
    val image = BufferedImage(width, height, BufferedImage.TYPE_BYTE_INDEXED, palette)
    image.raster.setDataElements(0, 0, width, height, ByteArray(mask.size).also { mask.bytes.duplicate().rewind().get(it) })
    return image
}

private fun overlayImage(picture: Tensor, mask: Tensor): BufferedImage {
    val (height, width) = mask.shape
    val image = BufferedImage(width, height, BufferedImage.TYPE_INT_RGB)
    val (overlay, row) = Overlay(picture, mask) to IntArray(width)
    for (y in 0 until height) {
        overlay.row(y, row)
        image.setRGB(0, y, width, 1, row, 0, width)
    }
    return image
}

private fun write(file: File, image: BufferedImage) = try {
    writeWhole(file) { partial -> check(ImageIO.write(image, "png", partial.toFile())) { "Java writes PNG files" } }
} catch (e: IOException) {
    throw UsageException("${file.path} cannot be written (${e.message}). Choose another place.")
}
