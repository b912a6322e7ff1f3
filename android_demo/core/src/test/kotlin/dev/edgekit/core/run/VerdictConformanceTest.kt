package dev.edgekit.core.run

import dev.edgekit.core.format.Conformance
import dev.edgekit.core.format.Json
import dev.edgekit.core.format.ModelException
import dev.edgekit.core.format.ModelPackage
import dev.edgekit.core.format.Outputs
import dev.edgekit.core.format.Tensor
import dev.edgekit.core.format.TinyPackage
import kotlin.math.abs
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertTrue
import org.junit.Rule
import org.junit.rules.TemporaryFolder

/** The verify document of `tests/conformance/verdict.json`: a package with one golden case, and a runtime with one answer. */
class VerdictConformanceTest {
    @get:Rule
    val folder = TemporaryFolder()

    @Test
    fun toJson_everyConformanceAnswer_givesItsDocument() {
        val cases = Conformance.cases("verdict.json")
        assertTrue(cases.size >= 30)
        for (case in cases) {
            val name = case["name"].text()
            val document = Json.parse(selfTest(packageOf(case), Answer(case["answer"])).toJson(), name)
            assertEquals(setOf("schema_version", "context", "results"), document.fields().keys, name)
            assertSame(case["context"], document["context"], name)
            val (expected, actual) = case["rows"].items() to document["results"].items()
            assertEquals(expected.map { it.fields().keys.toList() }, actual.map { it.fields().keys.toList() }, name)
            expected.zip(actual).forEach { (e, a) -> assertSame(e, a, name) }
        }
    }

    private fun packageOf(case: Json): ModelPackage {
        val own = """"tolerance": ${case.find("case_tolerance")}, "structure": ${case.find("case_structure")}"""
        val golden = """"name": ${case["case"]}, "method": "forward", "inputs": [], "outputs": ${case["outputs"]}"""
        val text = """{"schema_version": "2.0", "cases": [{$golden, $own}]}"""
        val records = TinyPackage.records + ("extra/edgekit/golden.json" to text.encodeToByteArray())
        val outputs = case["unproven"].items().joinToString {
            """{"name": $it, "dtype": "float32", "shape": [], "proof": "unproven"}"""
        }
        val structure = case.find("structure")
        val method = """{"name": "forward", "structure": $structure, "inputs": [], "outputs": [$outputs]}"""
        // Some bounds are above the limit for a package that nobody loosened.
        val tolerance = "${case["tolerance"]}".replace("}", """, "loosened": true}""")
        val manifest = TinyPackage.manifest(TinyPackage.digests(records), method = method, tolerance = tolerance)
        return ModelPackage.open(TinyPackage.write(folder.root.resolve("tiny.ptl"), records, manifest))
    }

    /** Numbers that are not integers hold to 1e-6. */
    private fun assertSame(expected: Json, actual: Json, where: String) {
        for ((key, wanted) in expected.fields()) {
            val got = actual.fields().getValue(key)
            val number = "$wanted".toDoubleOrNull()
            if (number == null || "$wanted" == "$got") {
                assertEquals("$wanted", "$got", "$where: $key")
            } else {
                assertTrue(abs(got.double() - number) <= 1e-6 * abs(number), "$where: $key is $got, expected $wanted")
            }
        }
    }

    private class Answer(private val answer: Json) : ModelRuntime {
        override val extraFiles = emptyMap<String, String>()

        override fun run(method: String, inputs: List<Tensor>): Outputs {
            answer.find("error")?.let { throw ModelException(it.text()) }
            return Outputs(answer["structure"].text(), answer["outputs"].items().associate(Conformance::tensor))
        }

        override fun setThreads(count: Int) = Unit

        override fun close() = Unit
    }
}
