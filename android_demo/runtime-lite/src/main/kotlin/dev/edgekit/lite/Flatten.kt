package dev.edgekit.lite

import dev.edgekit.core.format.DType
import dev.edgekit.core.format.ModelException
import dev.edgekit.core.format.Outputs
import dev.edgekit.core.format.Tensor
import org.pytorch.DType as TorchDType
import org.pytorch.IValue
import org.pytorch.MemoryFormat
import org.pytorch.Tensor as TorchTensor

/** Gives nested outputs the flat names that the manifest uses. */
internal fun flatten(value: IValue): Outputs {
    val tensors = LinkedHashMap<String, Tensor>()
    val structure = visit(value, "") { path, tensor ->
        val name = path.ifEmpty { "0" }
        if (tensors.put(name, tensor) != null) {
            throw ModelException("two outputs have the flattened name '$name'. Rename a key of the dict that holds them.")
        }
    }
    return Outputs(structure, tensors)
}

private fun visit(value: IValue, path: String, leaf: (String, Tensor) -> Unit): String {
    fun child(name: Any, item: IValue) = visit(item, if (path.isEmpty()) "$name" else "$path.$name", leaf)
    fun children(items: List<IValue>) = items.mapIndexed { i, item -> child(i, item) }
    fun members(items: Map<*, IValue>) = items.entries.joinToString(", ", "{", "}") { (key, item) -> "${quoted("$key")}: ${child("$key", item)}" }
    return when {
        value.isNull -> "None"
        value.isTensor -> "*".also { leaf(path, value.toTensor().toEdgekit()) }
        value.isTuple -> children(value.toTuple().toList()).let { if (it.size == 1) "(${it[0]},)" else it.joinToString(", ", "(", ")") }
        value.isList -> children(value.toList().toList()).joinToString(", ", "[", "]")
        value.isTensorList -> children(value.toTensorList().map(IValue::from)).joinToString(", ", "[", "]")
        value.isLongList -> children(value.toLongList().map(IValue::from)).joinToString(", ", "[", "]")
        value.isDoubleList -> children(value.toDoubleList().map(IValue::from)).joinToString(", ", "[", "]")
        value.isBoolList -> children(value.toBoolList().map(IValue::from)).joinToString(", ", "[", "]")
        value.isDictStringKey -> members(value.toDictStringKey())
        value.isDictLongKey -> members(value.toDictLongKey())
        else -> "*".also { leaf(path, scalar(value)) }
    }
}

/** The manifest's spelling of a key: always in single quotes. */
private fun quoted(key: String) = "'" + key.replace("\\", "\\\\").replace("'", "\\'") + "'"

private fun scalar(value: IValue): Tensor = when {
    value.isDouble -> Tensor.allocate(DType.FLOAT64, emptyList()).apply { bytes.putDouble(0, value.toDouble()) }
    value.isLong -> Tensor.allocate(DType.INT64, emptyList()).apply { bytes.putLong(0, value.toLong()) }
    value.isBool -> Tensor.allocate(DType.BOOL, emptyList()).apply { bytes.put(0, if (value.toBool()) 1 else 0) }
    else -> throw ModelException("it has a value that is neither a tensor nor a number")
}

private fun TorchTensor.toEdgekit(): Tensor {
    val dims = shape().map { Math.toIntExact(it) }
    return when (dtype()) {
        TorchDType.UINT8 -> Tensor.allocate(DType.UINT8, dims).apply { bytes.duplicate().put(dataAsUnsignedByteArray) }
        TorchDType.INT8 -> Tensor.allocate(DType.INT8, dims).apply { bytes.duplicate().put(dataAsByteArray) }
        TorchDType.INT32 -> Tensor.allocate(DType.INT32, dims).apply { ints().put(dataAsIntArray) }
        TorchDType.INT64 -> Tensor.allocate(DType.INT64, dims).apply { longs().put(dataAsLongArray) }
        TorchDType.FLOAT32 -> Tensor.allocate(DType.FLOAT32, dims).apply { floats().put(dataAsFloatArray) }
        TorchDType.FLOAT64 -> Tensor.allocate(DType.FLOAT64, dims).apply { doubles().put(dataAsDoubleArray) }
    }.let { if (memoryFormat() == MemoryFormat.CHANNELS_LAST) it.toRowMajor() else it }
}

/** A channels_last output arrives in the order of its memory, NHWC; everything else here is row-major NCHW. */
internal fun Tensor.toRowMajor(): Tensor {
    val (batch, channels, height, width) = shape
    val result = Tensor.allocate(dtype, shape)
    val area = height * width
    for (n in 0 until batch) for (pixel in 0 until area) for (c in 0 until channels) {
        val from = ((n * area + pixel) * channels + c) * dtype.sizeBytes
        val to = ((n * channels + c) * area + pixel) * dtype.sizeBytes
        for (byte in 0 until dtype.sizeBytes) result.bytes.put(to + byte, bytes.get(from + byte))
    }
    return result
}
