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
            val refusal = refusal(case["text"].text())
            case["name"].text().takeIf { (refusal == null) != case["accepted"].boolean() }?.let { "$it: ${refusal ?: "accepted"}" }
        }
        assertEquals(emptyList(), wrong)
    }

    private fun refusal(text: String): String? = try {
        Manifest.parse(text)
        null
    } catch (e: PackageException) {
        e.message
    }

    @Test
    fun parseLabels_everyConformanceText_givesItsLabels() {
        val cases = Conformance.cases("labels.json")
        assertTrue(cases.size >= 30)
        for (case in cases) assertEquals(case["labels"].items().map { it.text() }, parseLabels(case["text"].text()), case["name"].text())
    }
}
