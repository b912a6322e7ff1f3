package dev.edgekit.core.format

import kotlin.math.abs
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertNotNull
import kotlin.test.assertNull
import kotlin.test.assertTrue

class CompareTest {
    @Test
    fun compare_everyConformanceCase_givesTheSameVerdict() {
        val cases = Conformance.cases("compare.json")
        assertTrue(cases.size >= 30)
        cases.forEach(::check)
    }

    private fun check(case: Json) {
        val name = case["name"].text()
        val verdicts = compare(
            case["expected"].items().map(GoldenOutput::parse),
            case["actual"].items().associate(Conformance::tensor),
            Tolerance.parse(case["tolerance"]),
        )
        val verdict = verdicts.single { it.output == (case.find("output")?.text() ?: "0") }
        assertEquals(case.find("reason")?.text(), verdict.reason?.id, name)
        assertEquals(case.find("reason") == null, verdicts.all { it.passed }, name)
        figure(case, "norm_error", verdict.normError)
        figure(case, "max_error", verdict.maxError)
        case.find("top1")?.let { assertEquals(it.boolean(), verdict.top1, name) }
        case.find("worst_index")?.let { index -> assertEquals(index.items().map { it.int() }, verdict.worstIndex, name) }
    }

    private fun figure(case: Json, key: String, actual: Double?) {
        val name = case["name"].text()
        // An absent key is not checked where the case passes; where a figure is undefined it has to be null here too.
        val expected = case.find(key)?.double() ?: return if (case.find("reason")?.text() in UNDEFINED) assertNull(actual, name) else Unit
        assertTrue(abs(assertNotNull(actual) - expected) <= 1e-6 * abs(expected), "$name: $key is $actual, expected $expected")
    }

    private companion object {
        val UNDEFINED = setOf("nonfinite", "exact", "shape", "dtype", "missing", "unexpected")
    }
}
