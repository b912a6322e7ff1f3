package dev.edgekit.core.run

import dev.edgekit.core.format.ImageException
import dev.edgekit.core.format.Problem
import kotlin.test.Test
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith

class PictureLimitTest {
    @Test
    fun checkPixels_aJpegBeyondTheLimit_passesWhereItIsScaled() {
        checkPixels(16384, 16384, scale = 8, resize = 256)
        for ((side, scale) in listOf(16384 to 1, 16385 to 8)) {
            val error = assertFailsWith<ImageException> { checkPixels(side, 16384, scale, resize = 256) }
            assertContains(error.message.orEmpty(), "this photograph has $side x 16384 pixels; at most")
            assertEquals(Problem.PHOTO_TOO_LARGE, error.problem)
        }
        assertContains(assertFailsWith<ImageException> { checkPixels(5000, 5000, 1, 256, most = 1L shl 24) }.message.orEmpty(), "at most 16777216 are")
        assertFailsWith<ImageException> { checkPixels(65536, 65536, scale = 8, resize = 256) }
    }

    @Test
    fun checkResized_atTheLimit_passes() {
        checkResized(1, 256, resize = 256)
        checkResized(256, 1, resize = 256)
        checkResized(4032, 3024, resize = 256)
        checkResized(4096, 4096, resize = 4096)
    }

    @Test
    fun checkResized_aNarrowPicture_isRefusedWithBothSizes() {
        val error = assertFailsWith<ImageException> { checkResized(1, 1000, resize = 256) }
        assertContains(error.message.orEmpty(), "1 x 1000 pixels, which predict resizes to 256 x 256000; at most 16777216")
        assertEquals(Problem.PHOTO_TOO_LARGE, error.problem)
        assertContains(assertFailsWith<ImageException> { checkResized(257, 1, resize = 256) }.message.orEmpty(), "65792 x 256")
    }

    @Test
    fun checkResized_anyNumbers_doNotOverflow() {
        assertFailsWith<ImageException> { checkResized(1, 1, resize = Int.MAX_VALUE) }
        assertFailsWith<ImageException> { checkResized(1, Int.MAX_VALUE, resize = Int.MAX_VALUE) }
    }
}
