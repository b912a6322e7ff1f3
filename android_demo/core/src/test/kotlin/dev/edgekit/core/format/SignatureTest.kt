package dev.edgekit.core.format

import java.io.File
import java.util.Base64
import kotlin.test.Test
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.test.assertTrue
import org.junit.Rule
import org.junit.rules.TemporaryFolder

class SignatureTest {
    @get:Rule
    val folder = TemporaryFolder()

    private val document = Conformance.document("signatures.json")
    private val key = PublicKey.parse(document["public_key"].text())

    @Test
    fun open_everyConformancePackage_isAcceptedOrRefused() {
        val messages = mapOf(
            "unsigned" to "is not signed", "key" to "is signed by the key", "changed" to "does not fit",
            "length" to "expected 96", "container" to "two records", "digest" to "record",
        )
        for (case in document["cases"].items()) {
            val refusal = refusal(case, key)
            val name = case["name"].text()
            assertEquals(case["accepted"].boolean(), refusal == null, "$name: ${refusal ?: "accepted"}")
            if (refusal != null) assertContains(refusal, messages.getValue(case["reason"].text()), message = name)
        }
    }

    @Test
    fun open_withoutAKey_onlyTheLengthOfTheSignatureCounts() {
        for (case in document["cases"].items()) {
            val reason = case["reason"].text()
            if (reason in setOf("container", "digest") || case["name"].text() == "a manifest that is not JSON") continue
            assertEquals(reason == "length", refusal(case, key = null) != null, case["name"].text())
        }
    }

    @Test
    fun parse_everyConformanceKey_isAcceptedOrRefused() {
        val cases = document["keys"].items()
        assertTrue(cases.size >= 10)
        for (case in cases) {
            val refusal = try {
                PublicKey.parse(case["text"].text())
                null
            } catch (e: InputException) {
                e.message
            }
            assertEquals(case["accepted"].boolean(), refusal == null, "${case["name"].text()}: ${refusal ?: "accepted"}")
        }
    }

    private fun refusal(case: Json, key: PublicKey?): String? {
        val file: File = folder.root.resolve("x.ptl")
        file.writeBytes(Base64.getDecoder().decode(case["package"].text()))
        return try {
            ModelPackage.open(file, key)
            null
        } catch (e: PackageException) {
            e.message
        }
    }
}
