package dev.edgekit.core.format

import java.io.File

/** The cases that Python, C++ and Kotlin share. */
object Conformance {
    private val folder = File(checkNotNull(System.getProperty("edgekit.conformance")) { "set -Dedgekit.conformance" })

    fun document(file: String): Json = Json.parse(folder.resolve(file).readText(), file)

    fun cases(file: String): List<Json> = document(file)["cases"].items()

    fun tensor(json: Json): Pair<String, Tensor> = json["name"].text() to values(json)

    /** The tensor of a dtype, a shape and values. */
    fun values(json: Json): Tensor {
        val dtype = DType.of(json["dtype"].text())
        val tensor = Tensor.allocate(dtype, json["shape"].items().map { it.int() })
        json["values"].items().forEachIndexed { i, value -> put(tensor, i, value) }
        return tensor
    }

    private fun put(tensor: Tensor, i: Int, value: Json) {
        when (tensor.dtype) {
            DType.FLOAT32 -> tensor.bytes.putFloat(4 * i, value.double().toFloat())
            DType.FLOAT64 -> tensor.bytes.putDouble(8 * i, value.double())
            DType.INT32 -> tensor.bytes.putInt(4 * i, value.int())
            DType.INT64 -> tensor.bytes.putLong(8 * i, value.long())
            DType.UINT8, DType.INT8, DType.BOOL -> tensor.bytes.put(i, value.long().toByte())
        }
    }
}
