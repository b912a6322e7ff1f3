package dev.edgekit.core.format

import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertNotEquals
import kotlin.test.assertTrue

class GeneratorTest {
    @Test
    fun generate_everyConformanceCase_givesTheSameBits() {
        val cases = Conformance.cases("generator.json")
        assertTrue(cases.size >= 10)
        for (case in cases) {
            val input = GoldenInput.parse(case["input"])
            val tensor = generate(input)
            val first = case["first"].items().map { it.double() }
            assertEquals(first, first.indices.map { tensor.double(it) }, "$input")
            assertEquals(case["sha256"].text(), digest(tensor), "$input")
        }
    }

    @Test
    fun generate_anotherSeed_givesOtherBits() {
        val input = GeneratedInput("x", DType.FLOAT32, listOf(64), seed = 1, low = -1.0, high = 1.0)
        assertNotEquals(digest(generate(input)), digest(generate(input.copy(seed = 2))))
    }

    private fun digest(tensor: Tensor): String {
        val bytes = ByteArray(tensor.bytes.capacity()).also { tensor.bytes.duplicate().get(it) }
        return sha256(bytes.inputStream())
    }
}
