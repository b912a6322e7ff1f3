package dev.edgekit.core.format

import kotlin.test.Test
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertTrue

class JsonTest {
    @Test
    fun parse_everyKindOfValue() {
        val json = Json.parse("""{"a": [1, -2.5e3, true, null, "x\u00e9\n\"\\"], "big": 9007199254740993}""", "test")
        val items = json["a"].items()
        assertEquals(1, items[0].int())
        assertEquals(-2500.0, items[1].double())
        assertTrue(items[2].boolean())
        assertTrue(items[3].isNull)
        assertEquals("xé\n\"\\", items[4].text())
        assertEquals(9007199254740993, json["big"].long())
    }

    @Test
    fun write_thenParse_givesTheSame() {
        val text = Json.write(mapOf("é\u0001\"" to listOf(1, 2.5, null, Double.NaN, true), "n" to emptyMap<String, Any>()))
        assertEquals("""{"\u00e9\u0001\"": [1, 2.5, null, null, true], "n": {}}""", text)
        assertEquals("é\u0001\"", Json.parse(text, "test").fields().keys.first())
    }

    @Test
    fun parse_textThatIsNotJson_fails() {
        val wrong = listOf(
            "", "{", "[1,]", "{\"a\" 1}", "01", "1.", "+1", "nul", "'a'", "\"a", "[1] 2", "{\"a\":1,\"a\":2}", "\"\\x\"", "\"\\u12g4\"", "\"\n\"",
            "[".repeat(200),
        )
        for (text in wrong) assertFailsWith<PackageException>(text) { Json.parse(text, "test") }
    }

    @Test
    fun typedAccess_ofAnotherType_namesThePlace() {
        val error = assertFailsWith<PackageException> { Json.parse("""{"a": [{"b": "x"}]}""", "doc")["a"].items()[0]["b"].long() }
        assertContains(error.message!!, "doc.a[0].b: expected an integer, got \"x\"")
    }
}
