package dev.edgekit.core.run

import dev.edgekit.core.format.ImageException
import dev.edgekit.core.format.Problem
import kotlin.test.Test
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith

class PictureLimitTest {
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
