package dev.edgekit.core.run

import dev.edgekit.core.format.Conformance
import dev.edgekit.core.format.Json
import java.nio.ByteBuffer
import java.util.Base64
import kotlin.test.Test
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertSame
import kotlin.test.assertTrue

class YuvImageTest {
    private val image = YuvImage()

    @Test
    fun convert_everyConformanceFrame_givesItsPicture() {
        val cases = Conformance.cases("frames.json").filter { it["pixels"].text() in setOf("nv12", "nv21", "i420", "yuv420") }
        assertTrue(cases.size >= 20)
        for (case in cases) {
            val (width, height) = case["width"].int() to case["height"].int()
            val crop = case.nullable("crop")?.let(::cropOf) ?: FrameCrop(0, 0, width, height)
            val tensor = image.convert(width, height, planesOf(case), crop, case["rotation"].int(), case["mirror"].boolean())
            assertEquals(case["expected"]["shape"].items().map { it.int() }, tensor.shape, "$case")
            val actual = ByteArray(tensor.bytes.remaining()).also { tensor.bytes.duplicate().get(it) }
            assertContentEquals(bytes(case["expected"]["rgb"]), actual, "$case")
        }
    }

    @Test
    fun convert_framesOfOneSize_shareOneTensor() {
        val first = image.convert(2, 2, grey(2, 2))
        assertSame(first, image.convert(2, 2, grey(2, 2), rotation = 90))
        assertEquals(listOf(4, 2, 3), image.convert(4, 2, grey(4, 2), rotation = 270).shape)
    }

    @Test
    fun convert_readsFromThePositionOfABuffer() {
        val planes = grey(2, 2).map { plane ->
            val moved = ByteBuffer.allocate(plane.buffer.remaining() + 5)
            moved.position(5)
            moved.put(plane.buffer.duplicate())
            moved.position(5)
            YuvPlane(moved, plane.rowStride, plane.pixelStride)
        }
        assertEquals(image.convert(2, 2, grey(2, 2)).long(0), YuvImage().convert(2, 2, planes).long(0))
    }

    @Test
    fun convert_wrongFrames_areNamed() {
        fun message(body: () -> Unit) = assertFailsWith<IllegalArgumentException> { body() }.message.orEmpty()
        val good = grey(4, 2)
        val short = listOf(good[0], good[1], YuvPlane(ByteBuffer.allocate(1), 2, 1))
        val narrow = listOf(YuvPlane(good[0].buffer, 3, 1), good[1], good[2])
        assertTrue("plane 2 has 1 bytes; expected at least 2" in message { image.convert(4, 2, short) })
        assertTrue("plane 0 has strides of 3 bytes" in message { image.convert(4, 2, narrow) })
        assertTrue("2 planes" in message { image.convert(4, 2, good.take(2)) })
        assertTrue("a rotation of 45" in message { image.convert(4, 2, good, rotation = 45) })
        assertTrue("a part of 4 x 2" in message { image.convert(4, 2, good, FrameCrop(1, 0, 4, 2)) })
        assertTrue("0 x 2 pixels" in message { image.convert(0, 2, good) })
    }

    private fun grey(width: Int, height: Int): List<YuvPlane> {
        val (columns, rows) = (width + 1) / 2 to (height + 1) / 2
        return listOf(width to height, columns to rows, columns to rows).map { (w, h) ->
            YuvPlane(ByteBuffer.wrap(ByteArray(w * h) { 100 }), w, 1)
        }
    }

    private fun bytes(json: Json): ByteArray = Base64.getDecoder().decode(json.text())

    private fun cropOf(json: Json): FrameCrop = json.items().map { it.int() }.let { FrameCrop(it[0], it[1], it[2], it[3]) }

    /** Android describes interleaved U and V as two planes of one buffer, one byte apart. */
    private fun planesOf(case: Json): List<YuvPlane> {
        fun plane(index: Int, offset: Int): YuvPlane {
            val given = case["planes"].items()[index]
            val buffer = ByteBuffer.wrap(bytes(given["data"]))
            buffer.position(offset)
            return YuvPlane(buffer, given["row_stride"].int(), given["pixel_stride"].int())
        }
        return when (case["pixels"].text()) {
            "nv12" -> listOf(plane(0, 0), plane(1, 0), plane(1, 1))
            "nv21" -> listOf(plane(0, 0), plane(1, 1), plane(1, 0))
            else -> listOf(plane(0, 0), plane(1, 0), plane(2, 0))
        }
    }
}
