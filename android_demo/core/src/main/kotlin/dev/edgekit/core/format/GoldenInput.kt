package dev.edgekit.core.format

import java.util.Base64

/** An input of a golden case; [generate] makes the tensor. */
sealed interface GoldenInput {
    val name: String
    val dtype: DType
    val shape: List<Int>

    companion object {
        fun parse(json: Json): GoldenInput {
            val name = json["name"].text()
            val dtype = DType.of(json["dtype"].text())
            val shape = json["shape"].items().map { it.int() }
            val data = json.find("data")?.text() ?: return generated(json, name, dtype, shape)
            if (DRAW.any { json.find(it) != null }) {
                throw PackageException("input '$name' has data and a seed or a range; expected one of them. Export it again.")
            }
            return StoredInput(name, dtype, shape, decoded(name, data))
        }

        private fun generated(json: Json, name: String, dtype: DType, shape: List<Int>) =
            GeneratedInput(name, dtype, shape, json["seed"].long(), json["low"].number(), json["high"].number())

        /** Strict base64: Java's decoder accepts a text without its padding. */
        private fun decoded(name: String, data: String): ByteArray = try {
            require(data.length % 4 == 0) { "its length is not a multiple of 4" }
            Base64.getDecoder().decode(data)
        } catch (e: IllegalArgumentException) {
            throw PackageException("input '$name' has data that is not base64 (${e.message}). Export it again.", e)
        }

        private val DRAW = listOf("seed", "low", "high")
    }
}

/** A tensor that is made from a seed and a range. */
data class GeneratedInput(
    override val name: String,
    override val dtype: DType,
    override val shape: List<Int>,
    val seed: Long,
    val low: Double,
    val high: Double,
) : GoldenInput {
    init {
        Tensor.elementCount(shape) // Refuses impossible shapes before memory is allocated.
        if (seed !in 0..MAX_SEED) {
            throw PackageException("input '$name' has the seed $seed; expected 0 to $MAX_SEED. Export it again.")
        }
        if (!(low <= high && low.isFinite() && high.isFinite())) {
            throw PackageException("input '$name' has the range [$low, $high]; expected low <= high. Export it again.")
        }
    }

    private companion object {
        const val MAX_SEED = 0xffffffffL
    }
}

/** A tensor that the package has, as its elements in row-major order, little-endian. */
class StoredInput(
    override val name: String,
    override val dtype: DType,
    override val shape: List<Int>,
    internal val bytes: ByteArray,
) : GoldenInput {
    init {
        val expected = Tensor.elementCount(shape).toLong() * dtype.sizeBytes
        if (bytes.size.toLong() != expected) {
            val needed = "$expected for ${dtype.id} $shape"
            throw PackageException("input '$name' has ${bytes.size} bytes of data; expected $needed. Export it again.")
        }
        if (dtype == DType.BOOL && bytes.any { it != 0.toByte() && it != 1.toByte() }) {
            throw PackageException("input '$name' of bool has a byte other than 0 and 1. Export it again.")
        }
    }
}
