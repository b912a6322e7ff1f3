package dev.edgekit.hostcli

/** The command line is wrong. */
internal class UsageException(message: String) : Exception(message)

/** The words after the verb: positional ones, and options that each take a value. */
internal class Options private constructor(private val positional: List<String>, private val named: Map<String, List<String>>) {
    fun positional(index: Int, name: String): String = positional.getOrNull(index) ?: throw UsageException("$name is missing.")

    fun positionalFrom(index: Int): List<String> = positional.drop(index)

    operator fun contains(option: String) = option in named

    fun text(option: String): String? = named[option]?.last()

    fun texts(option: String): List<String> = named[option].orEmpty()

    fun int(option: String, least: Int): Int? = text(option)?.let { text ->
        text.toIntOrNull()?.takeIf { it >= least } ?: throw UsageException("$option is $text; expected a whole number of at least $least.")
    }

    fun seconds(option: String): Double? = text(option)?.let { text ->
        text.toDoubleOrNull()?.takeIf { it >= 0 && it.isFinite() } ?: throw UsageException("$option is $text; expected a number of seconds.")
    }

    companion object {
        private val KNOWN = setOf("--topk", "--input", "--method", "--threads", "-o", "--overlay", "--iterations", "--warmup", "--min-seconds")

        fun parse(words: List<String>): Options {
            val positional = ArrayList<String>()
            val named = LinkedHashMap<String, MutableList<String>>()
            val rest = words.iterator()
            while (rest.hasNext()) {
                val word = rest.next()
                when {
                    !word.startsWith("-") -> positional += word
                    word !in KNOWN -> throw UsageException("the option $word is unknown; known are ${KNOWN.joinToString()}.")
                    !rest.hasNext() -> throw UsageException("the option $word has no value.")
                    else -> named.getOrPut(word, ::ArrayList) += rest.next()
                }
            }
            return Options(positional, named)
        }
    }
}
