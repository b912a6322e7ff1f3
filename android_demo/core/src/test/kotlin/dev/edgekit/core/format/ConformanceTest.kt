package dev.edgekit.core.format

import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertTrue

/** The cases of `tests/conformance/` for texts inside a package. */
class ConformanceTest {
    @Test
    fun manifestParse_everyConformanceText_isAcceptedOrRefused() {
        val cases = Conformance.cases("manifests.json").filter { case -> case.find("readers")?.items()?.any { it.text() == "kotlin" } ?: true }
        assertTrue(cases.size >= 100)
        val wrong = cases.mapNotNull { case ->
            val refusal = refusal { Manifest.parse(case["text"].text()) }
            case["name"].text().takeIf { (refusal == null) != case["accepted"].boolean() }?.let { "$it: ${refusal ?: "accepted"}" }
        }
        assertEquals(emptyList(), wrong)
    }

    private fun refusal(parse: () -> Unit): String? = try {
        parse()
        null
    } catch (e: PackageException) {
        e.message
    }

    @Test
    fun goldensParse_everyConformanceText_isAcceptedOrRefused() {
        val cases = Conformance.cases("goldens.json")
        assertTrue(cases.size >= 40)
        for (case in cases) {
            val name = case["name"].text()
            val refusal = refusal { Goldens.parse(case["text"].text()) }
            assertEquals(case["accepted"].boolean(), refusal == null, "$name: ${refusal ?: "accepted"}")
            val made = case.find("inputs")?.items() ?: continue
            val inputs = Goldens.parse(case["text"].text()).first().inputs
            assertEquals(made.size, inputs.size, name)
            made.zip(inputs).forEach { (expected, input) -> assertMade(expected, generate(input), name) }
        }
    }

    private fun assertMade(expected: Json, tensor: Tensor, name: String) {
        assertEquals(expected["dtype"].text(), tensor.dtype.id, name)
        assertEquals(expected["shape"].items().map { it.int() }, tensor.shape, name)
        val wanted = Conformance.values(expected)
        assertEquals(wanted.numbers(), tensor.numbers(), name)
    }

    private fun Tensor.numbers(): List<Number> = List(size) { if (dtype.isFloating) double(it) else long(it) }

    @Test
    fun check_everyConformanceShape_isAcceptedOrRefused() {
        val cases = Conformance.cases("shapes.json")
        assertTrue(cases.size >= 30)
        for (case in cases) {
            val method = MethodSpec("forward", "*", case["inputs"].items().map(TensorSpec::parse), emptyList())
            val shapes = case["shapes"].items().map { shape -> shape.items().map { it.int() } }
            val refusal = try {
                method.check(shapes.map { Tensor.allocate(DType.FLOAT32, it) })
                null
            } catch (e: InputException) {
                e.message
            }
            val name = case["name"].text()
            assertEquals(case["accepted"].boolean(), refusal == null, "$name: ${refusal ?: "accepted"}")
        }
    }

    @Test
    fun parseLabels_everyConformanceText_givesItsLabels() {
        val cases = Conformance.cases("labels.json")
        assertTrue(cases.size >= 30)
        for (case in cases) assertEquals(case["labels"].items().map { it.text() }, parseLabels(case["text"].text()), case["name"].text())
    }
}
