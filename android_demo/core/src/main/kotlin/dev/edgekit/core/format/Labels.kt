package dev.edgekit.core.format

private val LABEL_ESCAPE = Regex("""\\u([0-9a-fA-F]{4})""")
private val LONE_SURROGATE = Regex("[\\ud800-\\udfff]") // A pair is one character to a regular expression.

/** One label a line; a backslash and what is not printable ASCII is `\uXXXX`, one for each UTF-16 unit. */
internal fun parseLabels(text: String): List<String> = text.split('\n').let { if (it.last().isEmpty()) it.dropLast(1) else it }.map { line ->
    val units = LABEL_ESCAPE.replace(line) { it.groupValues[1].toInt(16).toChar().toString() }
    LONE_SURROGATE.replace(units, "\ufffd") // As the readers in Python and C++: half of a pair is no character.
}
