package dev.edgekit.core.run

import dev.edgekit.core.format.Conformance
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertTrue

class PictureScaleTest {
    @Test
    fun jpegScale_keepsTheShorterSideAtLeastTwiceTheResize() {
        assertEquals(4, jpegScale(4000, 3000, resize = 256))
        assertEquals(4, jpegScale(3000, 4000, resize = 256))
        assertEquals(8, jpegScale(16320, 12240, resize = 256))
        assertEquals(1, jpegScale(65500, 1022, resize = 256))
        assertEquals(2, jpegScale(65500, 1023, resize = 256)) // Its half is 512, because sides are rounded up.
        assertEquals(1, jpegScale(4000, 3000, resize = 0))
        assertEquals(1, jpegScale(4000, 3000, resize = Int.MAX_VALUE))
    }

    /** The sizes of the JPEGs of the conformance files; decoding them needs a platform. */
    @Test
    fun jpegScale_ofTheConformanceFiles_givesTheirSizes() {
        val cases = Conformance.cases("images/index.json").filter { it.find("size") != null }
        assertTrue(cases.size >= 30)
        for (case in cases) {
            val (width, height) = case["stored"].items().map { it.int() }
            val scale = if (case.find("task") != null) 1 else jpegScale(width, height, case["resize"].int())
            assertEquals(case["size"].items().map { it.int() }, listOf(width, height).map { scaledSide(it, scale) }, case["file"].text())
        }
    }
}
