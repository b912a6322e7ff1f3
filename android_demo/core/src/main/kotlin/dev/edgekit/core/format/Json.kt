package dev.edgekit.core.format

/** A JSON value with its place in the document, so that an error can name the field. */
class Json private constructor(private val value: Any?, private val place: String) {
    val isNull: Boolean get() = value == null
    val isObject: Boolean get() = value is Map<*, *>

    operator fun get(key: String): Json = find(key) ?: missing(key)

    /** The field, which has to be there; null where it is null. */
    fun nullable(key: String): Json? = if (members().containsKey(key)) find(key) else missing(key)

    private fun missing(key: String): Nothing = throw PackageException("$place: the field '$key' is missing")

    /** The field, or null where it is absent or null. */
    fun find(key: String): Json? = members()[key]?.let { Json(it, "$place.$key") }

    /** All fields, in their order; one may be null. */
    fun fields(): Map<String, Json> = members().entries.associate { (key, item) -> key as String to Json(item, "$place.$key") }

    private fun members(): Map<*, *> = typed("an object")

    fun items(): List<Json> = typed<List<*>>("a list").mapIndexed { i, item -> Json(item, "$place[$i]") }
    fun text(): String = typed("a string")
    fun boolean(): Boolean = typed("true or false")
    fun long(): Long = typed("an integer")
    fun int(): Int = long().let { if (it in Int.MIN_VALUE..Int.MAX_VALUE) it.toInt() else wrong("an integer of 32 bits") }

    fun number(): Double = if (value is Number) double() else wrong("a number")

    /** A number, or one of the texts `nan`, `inf` and `-inf`, for which JSON has no number. */
    fun double(): Double = when (value) {
        is Double -> value
        is Long -> value.toDouble()
        "nan" -> Double.NaN
        "inf" -> Double.POSITIVE_INFINITY
        "-inf" -> Double.NEGATIVE_INFINITY
        else -> wrong("a number")
    }

    /** The value as JSON text. */
    override fun toString(): String = write(value)

    private inline fun <reified T> typed(what: String): T = value as? T ?: wrong(what)

    private fun wrong(what: String): Nothing = throw PackageException("$place: expected $what, got ${write(value).take(40)}")

    companion object {
        /** @param name the document's name in errors */
        fun parse(text: String, name: String): Json = Json(JsonParser(text, name).document(), name)

        /** Writes maps, lists, strings, numbers, booleans and null; NaN and infinities become null. */
        fun write(value: Any?): String = StringBuilder().also { append(it, value) }.toString()

        /** The number itself, or the word that [double] reads where JSON has no number: `nan`, `inf`, `-inf`. */
        fun numberOrWord(value: Number): Any = when (value) {
            Double.NaN -> "nan"
            Double.POSITIVE_INFINITY -> "inf"
            Double.NEGATIVE_INFINITY -> "-inf"
            else -> value
        }

        private fun append(out: StringBuilder, value: Any?) {
            when (value) {
                null -> out.append("null")
                is String -> appendText(out, value)
                is Double -> out.append(if (value.isFinite()) value.toString() else "null")
                is Number, is Boolean -> out.append(value.toString())
                is Map<*, *> -> value.entries.joinTo(out, ", ", "{", "}") { "${write(it.key as String)}: ${write(it.value)}" }
                is Iterable<*> -> value.joinTo(out, ", ", "[", "]") { write(it) }
                else -> error("${value::class} is not a JSON value")
            }
        }

        private fun appendText(out: StringBuilder, text: String) {
            out.append('"')
            for (c in text) when {
                c == '"' || c == '\\' -> out.append('\\').append(c)
                c in ' '..'~' -> out.append(c)
                else -> out.append("\\u").append(c.code.toString(16).padStart(4, '0'))
            }
            out.append('"')
        }
    }
}

/** A strict parser, which accepts only what RFC 8259 allows. */
private class JsonParser(private val text: String, private val name: String) {
    private var at = 0

    fun document(): Any? = value(depth = 0).also {
        skipSpace()
        if (at != text.length) fail("there is text after the document")
    }

    private fun value(depth: Int): Any? {
        if (depth > MAX_DEPTH) fail("nested deeper than $MAX_DEPTH")
        skipSpace()
        return when (peek()) {
            '{' -> members(depth)
            '[' -> elements(depth)
            '"' -> string()
            't' -> word("true", true)
            'f' -> word("false", false)
            'n' -> word("null", null)
            else -> number()
        }
    }

    private fun members(depth: Int): Map<String, Any?> {
        val result = LinkedHashMap<String, Any?>()
        separated('}') {
            skipSpace()
            val key = string()
            skipSpace()
            expect(':')
            if (result.put(key, value(depth + 1)) != null) fail("the key '$key' occurs twice")
        }
        return result
    }

    private fun elements(depth: Int): List<Any?> = ArrayList<Any?>().also { list -> separated(']') { list += value(depth + 1) } }

    private inline fun separated(end: Char, element: () -> Unit) {
        at++
        skipSpace()
        if (peek() == end) {
            at++
            return
        }
        while (true) {
            element()
            skipSpace()
            if (peek() == end) break
            expect(',')
        }
        at++
    }

    private fun string(): String {
        expect('"')
        val result = StringBuilder()
        while (true) {
            when (val c = next()) {
                '"' -> return result.toString()
                '\\' -> result.append(escape())
                in '\u0000'..'\u001f' -> fail("a control character in a string")
                else -> result.append(c)
            }
        }
    }

    private fun escape(): Char = when (val c = next()) {
        '"', '\\', '/' -> c
        'b' -> '\b'
        'f' -> '\u000c'
        'n' -> '\n'
        'r' -> '\r'
        't' -> '\t'
        'u' -> {
            val digits = String(CharArray(4) { next() })
            if (!HEX.matches(digits)) fail("'\\u$digits' is not an escape")
            digits.toInt(16).toChar()
        }
        else -> fail("'\\$c' is not an escape")
    }

    private fun number(): Number {
        val start = at
        while (at < text.length && text[at] in "+-.eE0123456789") at++
        val digits = text.substring(start, at)
        if (!NUMBER.matches(digits)) fail("'${text.drop(start).take(12)}' is not a value")
        return digits.toLongOrNull() ?: digits.toDouble()
    }

    private fun word(word: String, value: Any?): Any? {
        if (!text.startsWith(word, at)) fail("'${text.drop(at).take(12)}' is not a value")
        at += word.length
        return value
    }

    private fun skipSpace() {
        while (at < text.length && text[at] in " \t\r\n") at++
    }

    private fun peek(): Char = if (at < text.length) text[at] else fail("the text ends too early")
    private fun next(): Char = peek().also { at++ }

    private fun expect(c: Char) {
        if (next() != c) fail("expected '$c', got '${text[at - 1]}'")
    }

    private fun fail(what: String): Nothing = throw PackageException("$name is not valid JSON: $what (at character $at)")

    private companion object {
        const val MAX_DEPTH = 100
        val NUMBER = Regex("""-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?""")
        val HEX = Regex("[0-9a-fA-F]{4}")
    }
}
