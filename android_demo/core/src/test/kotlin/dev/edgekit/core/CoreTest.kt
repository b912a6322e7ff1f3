package dev.edgekit.core

import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertSame
import kotlin.test.assertTrue

class LatencyStatsTest {
    @Test
    fun of_knownSamples_givesKnownFigures() {
        val stats = LatencyStats.of((1..101).map { it.toDouble() }.shuffled())
        assertEquals(LatencyStats(iterations = 101, minMs = 1.0, p50Ms = 51.0, p90Ms = 91.0, p99Ms = 100.0, meanMs = 51.0), stats)
    }

    @Test
    fun of_betweenRanks_interpolates() = assertEquals(1.5, LatencyStats.of(listOf(1.0, 2.0)).p50Ms)

    @Test
    fun of_nothing_fails() {
        assertFailsWith<IllegalArgumentException> { LatencyStats.of(emptyList()) }
    }
}

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

    @Test
    fun sampleSize_keepsTheShorterSideAboveTwiceTheModels() {
        assertEquals(1, sampleSize(1920, 1080, resize = 256))
        assertEquals(4, sampleSize(4032, 3024, resize = 256))
        assertEquals(8, sampleSize(8000, 6000, resize = 256))
        assertEquals(1, sampleSize(8000, 600, resize = 256))
    }

    @Test
    fun sampleSize_ofALongPanorama_givesThatUpForMemory() {
        assertEquals(2, sampleSize(26000, 1000, resize = 256))
        assertEquals(4, sampleSize(1 shl 27, 1, resize = 256))
        assertEquals(4, sampleSize(12000, 9000, resize = Int.MAX_VALUE))
    }
}

class TensorTest {
    @Test
    fun elementCount_overTheFormatsLimit_fails() {
        assertEquals(1 shl 28, Tensor.elementCount(listOf(1 shl 14, 1 shl 14)))
        for (shape in listOf(listOf(65536, 65536), listOf(1 shl 28, 2), List(9) { Int.MAX_VALUE }, listOf(-1), listOf(2, -2))) {
            assertFailsWith<PackageException> { Tensor.elementCount(shape) }
        }
    }

    @Test
    fun allocate_moreThanABufferHolds_fails() {
        assertFailsWith<PackageException> { Tensor.allocate(DType.FLOAT64, listOf(1 shl 28)) }
    }
}

class ReducerTest {
    private val ready = ModelState.Ready("m", "s", randomSeed = 0, areWeightsRandom = true, classifiesImages = true, loadMs = 1.0)
    private val failure = Failure(Problem.UNEXPECTED, "x")

    @Test
    fun reduce_anotherModel_forgetsTheOldOnesResults() {
        val stats = LatencyStats.of(listOf(1.0))
        val before = UiState(model = ready, photo = PhotoState.Shown(emptyList(), 1.0, stats), selfTest = SelfTestState.Failed(failure))
        val after = reduce(before, UiEvent.Model(ModelState.Broken(failure)))
        assertEquals(UiState(model = ModelState.Broken(failure)), after)
    }

    @Test
    fun reduce_choices_changeNothingElse() {
        val before = UiState(model = ready)
        assertEquals(before.copy(threads = 3), reduce(before, UiEvent.ThreadsChosen(3)))
        assertEquals(before.copy(screen = Screen.SELF_TEST), reduce(before, UiEvent.ScreenChosen(Screen.SELF_TEST)))
    }

    @Test
    fun isBusy_whileSomethingRuns() {
        assertTrue(UiState().isBusy)
        assertTrue(UiState(model = ready, benchmark = BenchmarkState.Running(1, 2)).isBusy)
        assertEquals(false, UiState(model = ready, benchmark = BenchmarkState.Failed(failure)).isBusy)
    }
}

class TopKTest {
    @Test
    fun topK_labelsByIndex() {
        val top = topK(outputs(0.5f, 0.25f), listOf("a", "b"), count = 5)
        assertEquals(listOf(Prediction(1, "b", 0.5), Prediction(7, "class 7", 0.25)), top)
    }

    @Test
    fun topK_nan_isAnError() {
        assertFailsWith<ModelException> { topK(outputs(0.5f, Float.NaN), emptyList(), count = 5) }
    }

    @Test
    fun topK_outputsOfAnotherKind_areAnError() {
        val scores = outputs(0.5f, 0.25f)["0"]
        val wrong = listOf(Tensor.allocate(DType.INT64, listOf(1)), Tensor.allocate(DType.FLOAT32, listOf(2)), null)
        for (indices in wrong) {
            val outputs = Outputs("(*, *)", listOfNotNull("0" to scores, indices?.let { "1" to it }).toMap())
            assertFailsWith<ModelException> { topK(outputs, emptyList(), count = 5) }
        }
    }

    @Test
    fun check_outputsThatTheManifestDoesNotPromise_areAnError() {
        val spec = MethodSpec("predict", "*", emptyList(), listOf(TensorSpec("0", DType.FLOAT32, listOf(null, 2))))
        spec.check(Outputs("*", mapOf("0" to Tensor.allocate(DType.FLOAT32, listOf(7, 2)))))
        for (shape in listOf(listOf(7, 3), listOf(2), emptyList())) {
            assertFailsWith<ModelException> { spec.check(Outputs("*", mapOf("0" to Tensor.allocate(DType.FLOAT32, shape)))) }
        }
        assertFailsWith<ModelException> { spec.check(Outputs("*", emptyMap())) }
    }

    private fun outputs(first: Float, second: Float): Outputs {
        val scores = Tensor.allocate(DType.FLOAT32, listOf(2)).apply { floats().put(first).put(second) }
        val indices = Tensor.allocate(DType.INT64, listOf(2)).apply { longs().put(1).put(7) }
        return Outputs("(*, *)", mapOf("0" to scores, "1" to indices))
    }
}
