package dev.edgekit.core.run

import dev.edgekit.core.format.DType
import dev.edgekit.core.format.InputException
import dev.edgekit.core.format.Manifest
import dev.edgekit.core.format.ModelException
import dev.edgekit.core.format.ModelPackage
import dev.edgekit.core.format.Tensor

/**
 * The class of each pixel of a picture, uint8 `[height, width]`, at the picture's own size.
 *
 * @throws InputException where `predict` gives something else than a mask
 */
fun segment(model: ModelPackage, runtime: ModelRuntime, picture: Tensor): Tensor {
    val mask = predict(model, runtime, picture, Manifest.MASK)["0"]
    val expected = picture.shape.take(2)
    if (mask.dtype != DType.UINT8 || mask.shape != expected) {
        throw ModelException(
            "'predict' gave ${mask.dtype.id} ${mask.shape} for a picture ${picture.shape}; expected uint8 $expected. Export the model again.",
        )
    }
    return mask
}

/** The classes in a mask with their share of its pixels, the largest first. */
fun classesIn(mask: Tensor, labels: List<String>): List<Prediction> {
    val counts = IntArray(CLASSES)
    for (i in 0 until mask.size) counts[mask.classAt(i)]++
    return counts.indices.filter { counts[it] > 0 }.sortedByDescending { counts[it] }
        .map { Prediction(it, labelOf(labels, it), counts[it] / mask.size.toDouble()) }
}

/**
 * The colour of a class, as ARGB: those of PASCAL VOC, in which class 0 is black.
 *
 * The lowest bits of the class give the highest bits of red, green and blue, the next three bits the next ones.
 */
fun classColour(index: Int): Int {
    var colour = OPAQUE
    for (bit in 0 until 8) {
        val (step, channel) = bit / CHANNELS to bit % CHANNELS
        colour = colour or ((index shr bit and 1) shl (23 - 8 * channel - step))
    }
    return colour
}

/** The number of colours; a mask has no more classes. */
const val CLASSES = 256

/** Draws pictures with the colours of a mask over them, half and half. Class 0 leaves a pixel as it is. */
class Overlay(private val picture: Tensor, private val mask: Tensor) {
    private val colours = IntArray(CLASSES, ::classColour)

    init {
        require(picture.dtype == DType.UINT8 && picture.shape == mask.shape + CHANNELS) { "a mask ${mask.shape} for a picture ${picture.shape}" }
    }

    /** Fills an array with a row of pixels, as ARGB. */
    fun row(y: Int, into: IntArray) {
        val width = mask.shape[1]
        for (x in 0 until width) into[x] = pixel(y * width + x)
    }

    private fun pixel(at: Int): Int {
        val found = mask.classAt(at)
        var drawn = OPAQUE
        for (channel in 0 until CHANNELS) {
            val shift = 16 - 8 * channel
            val level = picture.bytes.get(CHANNELS * at + channel).toInt() and 0xff
            val colour = colours[found] shr shift and 0xff
            drawn = drawn or ((if (found == 0) level else (level + colour) / 2) shl shift)
        }
        return drawn
    }
}

private fun Tensor.classAt(pixel: Int): Int = bytes.get(pixel).toInt() and 0xff

private const val CHANNELS = 3
private const val OPAQUE = 0xff shl 24
