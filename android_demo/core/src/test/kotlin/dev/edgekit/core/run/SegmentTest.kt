package dev.edgekit.core.run

import dev.edgekit.core.format.Conformance
import dev.edgekit.core.format.DType
import dev.edgekit.core.format.InputException
import dev.edgekit.core.format.Json
import dev.edgekit.core.format.ModelException
import dev.edgekit.core.format.ModelPackage
import dev.edgekit.core.format.Outputs
import dev.edgekit.core.format.Tensor
import dev.edgekit.core.format.TinyPackage
import kotlin.test.Test
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertTrue
import org.junit.Rule
import org.junit.rules.TemporaryFolder

class SegmentTest {
    @get:Rule
    val folder = TemporaryFolder()

    @Test
    fun overlay_everyConformanceCase_hasItsColours() {
        val cases = Conformance.cases("masks.json")
        assertTrue(cases.size >= 10)
        for (case in cases) {
            val shape = case["shape"].items().map { it.int() }
            val mask = bytes(shape, numbers(case["mask"]))
            val overlay = Overlay(bytes(shape + 3, numbers(case["picture"])), mask)
            val row = IntArray(shape[1])
            val drawn = (0 until shape[0]).flatMap { y -> overlay.row(y, row).let { row.flatMap(::levels) } }
            assertEquals(numbers(case["overlay"]), drawn, case["name"].text())
            assertEquals(numbers(case["colours"]), numbers(case["mask"]).flatMap { levels(classColour(it)) }, case["name"].text())
        }
    }

    private fun numbers(json: Json) = json.items().map { it.int() }

    private fun levels(argb: Int): List<Int> {
        assertEquals(0xff, argb ushr 24) // opaque
        return listOf(argb shr 16, argb shr 8, argb).map { it and 0xff }
    }

    @Test
    fun classesIn_areInTheOrderOfTheirShare() {
        val mask = bytes(listOf(2, 4), listOf(255, 1, 1, 0, 255, 255, 0, 2))
        val expected = listOf(Prediction(255, "class 255", 0.375), Prediction(0, "sky", 0.25), Prediction(1, "tree", 0.25), Prediction(2, "class 2", 0.125))
        assertEquals(expected, classesIn(mask, listOf("sky", "tree")))
    }

    @Test
    fun segment_givesTheMaskOfThePicture() {
        val mask = bytes(listOf(2, 3), List(6) { it })
        assertEquals(mask, segment(segmenter(), answering(mask), picture))
    }

    @Test
    fun segment_aMaskOfAnotherKind_isAnError() {
        for (wrong in listOf(bytes(listOf(3, 2), List(6) { 0 }), bytes(listOf(2, 3, 1), List(6) { 0 }), Tensor.allocate(DType.INT8, listOf(2, 3)))) {
            val refused = assertFailsWith<ModelException> { segment(segmenter(), answering(wrong), picture) }
            assertContains(refused.message.orEmpty(), wrong.shape.toString())
        }
    }

    @Test
    fun predict_ofAnotherTask_isNamedBeforeItRuns() {
        val never = answering(null)
        val cases = mapOf(
            "gives 'mask'; expected 'labels'. Call segment()." to { classify(segmenter("mask"), never, picture, 5) },
            "gives 'labels'; expected 'mask'. Call classify()." to { segment(segmenter("labels"), never, picture) },
            "gives 'depth'; this version knows labels and mask." to { segment(segmenter("depth"), never, picture) },
        )
        for ((reason, run) in cases) assertContains(assertFailsWith<InputException> { run() }.message.orEmpty(), reason)
    }

    @Test
    fun takesPictures_withATaskThatThisReaderKnows() {
        val taken = listOf("labels", "mask", "depth").associateWith { segmenter(it).manifest!!.takesPictures }
        assertEquals(mapOf("labels" to true, "mask" to true, "depth" to false), taken)
    }

    private val picture = bytes(listOf(2, 3, 3), List(18) { it })

    private fun bytes(shape: List<Int>, values: List<Int>) = Tensor.allocate(DType.UINT8, shape).apply {
        values.forEachIndexed { i, value -> bytes.put(i, value.toByte()) }
    }

    private fun segmenter(task: String = "mask"): ModelPackage {
        val digests = TinyPackage.digests(TinyPackage.records)
        val manifest = TinyPackage.manifest(digests, method = "${TinyPackage.METHOD}, $PREDICT").replace("\"image\": null", "\"image\": {\"resize\": 36, \"task\": \"$task\"}")
        return ModelPackage.open(TinyPackage.write(folder.newFile(), manifest = manifest))
    }

    /** A runtime that gives this mask, or fails a test that runs it. */
    private fun answering(mask: Tensor?) = object : ModelRuntime {
        override val extraFiles = emptyMap<String, String>()
        override fun run(method: String, inputs: List<Tensor>) = Outputs("*", mapOf("0" to checkNotNull(mask) { "it ran" }))
        override fun setThreads(count: Int) = Unit
        override fun close() = Unit
    }

    private companion object {
        /** Its outputs depend on the data, so the checks of [segment] are all there are. */
        const val PREDICT = """{"name": "predict", "structure": null,
            "inputs": [{"name": "image", "dtype": "uint8", "shape": [null, null, 3]}],
            "outputs": [{"name": "0", "dtype": "uint8", "shape": [null, null], "proof": "varies"}]}"""
    }
}
