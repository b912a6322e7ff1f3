package dev.edgekit.core.run

import dev.edgekit.core.format.DType
import dev.edgekit.core.format.Tensor
import java.nio.ByteBuffer

/** A plane of Android's `YUV_420_888`, as CameraX's `ImageProxy.PlaneProxy` gives it. Its bytes begin at the buffer's position. */
class YuvPlane(val buffer: ByteBuffer, val rowStride: Int, val pixelStride: Int)

/** The part of a frame that is used, in its pixels before the rotation: CameraX's `cropRect`. */
data class FrameCrop(val left: Int, val top: Int, val width: Int, val height: Int)

/**
 * Turns frames of a camera, `YUV_420_888`, into the upright uint8 tensor `[height, width, 3]` of `predict`.
 *
 * The pixels are those of `ek_frame_picture` of the C API: BT.601 with the full range, each U and V for its 2 x 2 pixels, and the
 * rounding of docs/c_api.md. The tensor is reused while the size stays the same.
 */
class YuvImage {
    private var tensor: Tensor? = null
    private var pixels = ByteArray(0)

    /**
     * @param planes Y, U and V
     * @param rotation the degrees clockwise that make the picture upright: CameraX's `rotationDegrees`
     * @param mirror exchanges left and right after the rotation, as for a front camera
     */
    fun convert(
        width: Int,
        height: Int,
        planes: List<YuvPlane>,
        crop: FrameCrop = FrameCrop(0, 0, width, height),
        rotation: Int = 0,
        mirror: Boolean = false,
    ): Tensor {
        checkFrame(width, height, planes, crop, rotation)
        val place = Placement(crop, rotation, mirror)
        val result = tensorOf(place.height, place.width)
        val (luma, u, v) = planes
        for (row in 0 until crop.height) {
            var at = 3 * (place.origin + row * place.down)
            val y = crop.top + row
            for (column in 0 until crop.width) {
                val x = crop.left + column
                put(at, luma.at(y, x), u.at(y / 2, x / 2) - 128, v.at(y / 2, x / 2) - 128)
                at += 3 * place.right
            }
        }
        result.bytes.clear()
        result.bytes.put(pixels)
        result.bytes.clear()
        return result
    }

    private fun tensorOf(height: Int, width: Int): Tensor {
        val known = tensor
        if (known != null && known.shape[0] == height && known.shape[1] == width) return known
        pixels = ByteArray(3 * width * height)
        return Tensor.allocate(DType.UINT8, listOf(height, width, 3)).also { tensor = it }
    }

    private fun put(at: Int, y: Int, u: Int, v: Int) {
        pixels[at] = limited(y + ((91881 * v + HALF) shr 16))
        pixels[at + 1] = limited(y + ((-22554 * u - 46802 * v + HALF) shr 16))
        pixels[at + 2] = limited(y + ((116130 * u + HALF) shr 16))
    }

    private fun limited(value: Int): Byte = value.coerceIn(0, 255).toByte()

    private fun YuvPlane.at(row: Int, column: Int): Int =
        buffer.get(buffer.position() + row * rowStride + column * pixelStride).toInt() and 0xff

    /** Where a pixel of the crop lies in the upright picture: origin + column * right + row * down, counted in pixels. */
    private class Placement(crop: FrameCrop, rotation: Int, mirror: Boolean) {
        val width = if (rotation % 180 == 0) crop.width else crop.height
        val height = if (rotation % 180 == 0) crop.height else crop.width
        val origin: Int
        val right: Int
        val down: Int

        init {
            val fromRight = (rotation == 90 || rotation == 180) != mirror
            val fromBottom = rotation >= 180
            val sideways = if (fromRight) -1 else 1
            val downwards = if (fromBottom) -width else width
            origin = (if (fromRight) width - 1 else 0) + (if (fromBottom) (height - 1) * width else 0)
            right = if (rotation % 180 == 0) sideways else downwards
            down = if (rotation % 180 == 0) downwards else sideways
        }
    }

    private companion object {
        const val HALF = 1 shl 15

        fun checkFrame(width: Int, height: Int, planes: List<YuvPlane>, crop: FrameCrop, rotation: Int) {
            require(width > 0 && height > 0) { "a frame of $width x $height pixels" }
            require(width.toLong() * height <= MOST_FRAME_PIXELS) {
                "a frame of $width x $height pixels; at most $MOST_FRAME_PIXELS are allowed"
            }
            require(rotation in listOf(0, 90, 180, 270)) { "a rotation of $rotation; expected 0, 90, 180 or 270" }
            require(planes.size == 3) { "${planes.size} planes; expected Y, U and V" }
            val inside = crop.left >= 0 && crop.top >= 0 && crop.width > 0 && crop.height > 0 &&
                crop.width <= width - crop.left && crop.height <= height - crop.top
            require(inside) { "$crop; expected a part of $width x $height" }
            planes.forEachIndexed { i, plane ->
                val part = if (i == 0) 1 else 2
                checkPlane(i, plane, (width + part - 1) / part, (height + part - 1) / part)
            }
        }

        fun checkPlane(index: Int, plane: YuvPlane, columns: Int, rows: Int) {
            val rowBytes = (columns - 1).toLong() * plane.pixelStride + 1
            require(plane.pixelStride > 0 && plane.rowStride >= rowBytes) {
                "plane $index has strides of ${plane.rowStride} bytes for rows and ${plane.pixelStride} for pixels; " +
                    "expected at least $rowBytes and 1"
            }
            val needed = (rows - 1).toLong() * plane.rowStride + rowBytes
            require(plane.buffer.remaining() >= needed) {
                "plane $index has ${plane.buffer.remaining()} bytes; expected at least $needed for $rows rows of $columns pixels"
            }
        }

        /** So that no product of sizes overflows. */
        const val MOST_FRAME_PIXELS = 1L shl 27
    }
}
