package dev.edgekit.core.run

import dev.edgekit.core.format.DType
import dev.edgekit.core.format.Tensor

/**
 * Turns Android's pixels, one ARGB int each, into the uint8 tensor `[height, width, 3]` of `predict`.
 *
 * The tensor is reused while the size stays the same, so the frames of a camera need no allocation. Alpha is dropped, as the image
 * contract says.
 */
class RgbImage {
    private var row = ByteArray(0)
    private var tensor: Tensor? = null

    /**
     * @param readRow fills the given array with a row of pixels
     */
    inline fun convert(width: Int, height: Int, readRow: (y: Int, into: IntArray) -> Unit): Tensor {
        val pixels = begin(width, height)
        for (y in 0 until height) {
            readRow(y, pixels)
            putRow(pixels)
        }
        return finish()
    }

    @PublishedApi
    internal fun begin(width: Int, height: Int): IntArray {
        require(width > 0 && height > 0) { "an image of $width x $height pixels" }
        val shape = tensor?.shape
        if (shape == null || shape[0] != height || shape[1] != width) {
            tensor = Tensor.allocate(DType.UINT8, listOf(height, width, 3))
            row = ByteArray(3 * width)
            pixels = IntArray(width)
        }
        tensor!!.bytes.clear()
        return pixels
    }

    private var pixels = IntArray(0)

    @PublishedApi
    internal fun putRow(pixels: IntArray) {
        var at = 0
        for (pixel in pixels) {
            row[at] = (pixel shr 16).toByte()
            row[at + 1] = (pixel shr 8).toByte()
            row[at + 2] = pixel.toByte()
            at += 3
        }
        tensor!!.bytes.put(row)
    }

    @PublishedApi
    internal fun finish(): Tensor = tensor!!.apply { bytes.clear() }
}
