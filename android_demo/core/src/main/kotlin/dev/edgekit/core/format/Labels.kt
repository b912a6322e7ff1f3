package dev.edgekit.core.format

private val LABEL_ESCAPE = Regex("""\\u([0-9a-fA-F]{4})""")
private val LONE_SURROGATE = Regex("[\\ud800-\\udfff]") // A pair is one character to a regular expression.

/** Reads one label per line; `\uXXXX` is a UTF-16 unit that is a backslash or not printable ASCII. */
internal fun parseLabels(text: String): List<String> = text.split('\n').let { if (it.last().isEmpty()) it.dropLast(1) else it }.map { line ->
    val units = LABEL_ESCAPE.replace(line) { it.groupValues[1].toInt(16).toChar().toString() }
    LONE_SURROGATE.replace(units, "\ufffd") // As in Python and C++: half of a pair is not a character.
}
