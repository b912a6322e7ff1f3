package dev.edgekit.core.run

import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertSame
import kotlin.test.assertTrue

class RgbImageTest {
    private val image = RgbImage()

    @Test
    fun convert_dropsAlphaAndKeepsTheOrder() {
        val tensor = image.convert(2, 1) { _, row -> intArrayOf(0x00112233, 0xFFFFFEFD.toInt()).copyInto(row) }
        assertEquals(listOf(1, 2, 3), tensor.shape)
        assertEquals(listOf<Long>(0x11, 0x22, 0x33, 0xff, 0xfe, 0xfd), (0 until 6).map { tensor.long(it) })
    }

    @Test
    fun convert_framesOfOneSize_shareOneTensor() {
        val first = image.convert(4, 3) { y, row -> row.fill(y) }
        assertSame(first, image.convert(4, 3) { _, row -> row.fill(255) })
        assertEquals(255, first.long(35))
        assertEquals(listOf(4, 3, 3), image.convert(3, 4) { _, _ -> }.shape)
    }

    @Test
    fun convert_aFullHdFrame_allocatesNothingAndReportsItsCost() {
        val frame = IntArray(1920 * 1080) { it }
        fun frame() = image.convert(1920, 1080) { y, row -> frame.copyInto(row, 0, 1920 * y, 1920 * (y + 1)) }
        repeat(20) { frame() }
        val threads = java.lang.management.ManagementFactory.getThreadMXBean() as com.sun.management.ThreadMXBean
        val before = threads.getThreadAllocatedBytes(Thread.currentThread().id)
        val samples = List(30) { timed { frame() }.second }
        val allocated = threads.getThreadAllocatedBytes(Thread.currentThread().id) - before
        println("1920 x 1080 ARGB ints to a uint8 tensor: median %.2f ms".format(java.util.Locale.ROOT, LatencyStats.of(samples).p50Ms))
        // The samples themselves are boxed; a frame of pixels would be 6 MB each time.
        assertTrue(allocated < 64_000, "$allocated bytes")
    }
}
