package dev.edgekit.core.format

import kotlin.test.Test
import kotlin.test.assertEquals

class LabelsTest {
    @Test
    fun parseLabels_isTheInverseOfPythonsWriter() {
        val text = "cat\ncaf\\u00e9\n\\u65e5\\u672c\n\\ud83d\\ude00\nback\\u005cslash\nline\\u000abreak\n\\u005cu0041\n\n"
        assertEquals(listOf("cat", "café", "日本", "😀", "back\\slash", "line\nbreak", "\\u0041", ""), parseLabels(text))
        assertEquals(listOf("a\\b \\u12 \\x41 \\n \\U0001f600"), parseLabels("a\\b \\u12 \\x41 \\n \\U0001f600\n"))
        assertEquals(listOf("\ufffd!", "\ufffd"), parseLabels("\\ud83d!\n\\ude00"))
        assertEquals(emptyList(), parseLabels(""))
    }
}
