package dev.edgekit.core.format

/** The tensor of a golden case's input: the same bits as in Python and C++ (`docs/format.md`). */
fun generate(input: GoldenInput): Tensor = when (input) {
    is GeneratedInput -> draw(input)
    // Little-endian, as every platform of Android is.
    is StoredInput -> Tensor.allocate(input.dtype, input.shape).apply { bytes.duplicate().put(input.bytes) }
}

private fun draw(input: GeneratedInput): Tensor {
    val tensor = Tensor.allocate(input.dtype, input.shape)
    val start = mix(input.seed.toInt())
    for (i in 0 until tensor.size) {
        val hash = mix(start + i).toLong() and 0xffffffffL
        if (input.dtype.isFloating) putFloating(tensor, i, input, hash) else putInteger(tensor, i, input, hash)
    }
    return tensor
}

/** Wellons' lowbias32, on 32 bits that wrap. */
internal fun mix(seed: Int): Int {
    var x = seed
    x = x xor (x ushr 16)
    x *= 0x7feb352d
    x = x xor (x ushr 15)
    x *= 0x846ca68b.toInt()
    return x xor (x ushr 16)
}

private fun putFloating(tensor: Tensor, i: Int, input: GeneratedInput, hash: Long) {
    val value = input.low + (hash ushr 8) * TWO_TO_MINUS_24 * (input.high - input.low)
    if (input.dtype == DType.FLOAT32) tensor.bytes.putFloat(4 * i, value.toFloat()) else tensor.bytes.putDouble(8 * i, value)
}

private fun putInteger(tensor: Tensor, i: Int, input: GeneratedInput, hash: Long) {
    val low = input.low.toLong()
    val value = low + ((hash * (input.high.toLong() - low + 1)) ushr 32)
    when (input.dtype.sizeBytes) {
        1 -> tensor.bytes.put(i, value.toByte())
        4 -> tensor.bytes.putInt(4 * i, value.toInt())
        else -> tensor.bytes.putLong(8 * i, value)
    }
}

private const val TWO_TO_MINUS_24 = 1.0 / (1 shl 24)
