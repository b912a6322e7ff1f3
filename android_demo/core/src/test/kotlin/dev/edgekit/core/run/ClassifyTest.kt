package dev.edgekit.core.run

import dev.edgekit.core.format.Axis
import dev.edgekit.core.format.DType
import dev.edgekit.core.format.MethodSpec
import dev.edgekit.core.format.ModelException
import dev.edgekit.core.format.Outputs
import dev.edgekit.core.format.Tensor
import dev.edgekit.core.format.TensorSpec
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith

class ClassifyTest {
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
        val output = TensorSpec("0", DType.FLOAT32, listOf(Axis.Free, Axis.Fixed(2)))
        val spec = MethodSpec("predict", "*", emptyList(), listOf(output))
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
