package dev.edgekit.core.format

import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.DoubleBuffer
import java.nio.FloatBuffer
import java.nio.IntBuffer
import java.nio.LongBuffer

/** An element type of the package format; [id] is its name there. */
enum class DType(val id: String, val sizeBytes: Int) {
    FLOAT32("float32", 4),
    FLOAT64("float64", 8),
    UINT8("uint8", 1),
    INT8("int8", 1),
    INT32("int32", 4),
    INT64("int64", 8),
    BOOL("bool", 1);

    val isFloating: Boolean get() = this == FLOAT32 || this == FLOAT64

    companion object {
        fun of(id: String): DType = entries.find { it.id == id }
            ?: throw PackageException("unknown dtype '$id'; expected one of ${entries.joinToString { it.id }}. Update this app.")
    }
}

/**
 * A dense row-major tensor in a direct buffer in the platform's byte order, which native code reads without a copy.
 *
 * The creator owns [bytes]; it may be refilled between runs, and must not change during one.
 */
class Tensor(val dtype: DType, val shape: List<Int>, val bytes: ByteBuffer) {
    val size: Int = elementCount(shape)

    init {
        require(bytes.isDirect && bytes.order() == ByteOrder.nativeOrder() && bytes.capacity().toLong() == byteCount(dtype, shape)) {
            "a ${dtype.id} tensor of shape $shape needs a direct buffer of ${byteCount(dtype, shape)} bytes, got ${bytes.capacity()}"
        }
    }

    fun floats(): FloatBuffer = view().asFloatBuffer()
    fun doubles(): DoubleBuffer = view().asDoubleBuffer()
    fun ints(): IntBuffer = view().asIntBuffer()
    fun longs(): LongBuffer = view().asLongBuffer()

    /** The element at a flat position, exact for every dtype except int64; use [long] for that. */
    fun double(index: Int): Double = when (dtype) {
        DType.FLOAT32 -> bytes.getFloat(4 * index).toDouble()
        DType.FLOAT64 -> bytes.getDouble(8 * index)
        else -> long(index).toDouble()
    }

    /** The element of an integer or boolean tensor at a flat position. */
    fun long(index: Int): Long = when (dtype) {
        DType.UINT8 -> bytes.get(index).toLong() and 0xff
        DType.INT8, DType.BOOL -> bytes.get(index).toLong()
        DType.INT32 -> bytes.getInt(4 * index).toLong()
        DType.INT64 -> bytes.getLong(8 * index)
        DType.FLOAT32, DType.FLOAT64 -> error("a ${dtype.id} tensor has no integer elements")
    }

    fun isFinite(): Boolean = !dtype.isFloating || (0 until size).all { double(it).isFinite() }

    private fun view(): ByteBuffer = bytes.duplicate().order(ByteOrder.nativeOrder()).rewind()

    companion object {
        fun allocate(dtype: DType, shape: List<Int>): Tensor {
            val size = byteCount(dtype, shape)
            if (size > Int.MAX_VALUE) {
                throw PackageException("a ${dtype.id} tensor of shape $shape has $size bytes; a buffer has at most ${Int.MAX_VALUE}. Use a smaller input.")
            }
            return Tensor(dtype, shape, ByteBuffer.allocateDirect(size.toInt()).order(ByteOrder.nativeOrder()))
        }

        /**
         * @throws PackageException for a negative axis, and above the format's limit of 2^28 elements
         */
        fun elementCount(shape: List<Int>): Int {
            var count = 1L
            for (axis in shape) {
                if (axis < 0) throw PackageException("shape $shape has a negative axis")
                count *= axis // At most 2^28 * 2^31: no overflow before the check.
                if (count > MAX_ELEMENTS) throw PackageException("shape $shape has more than $MAX_ELEMENTS elements, the format's limit")
            }
            return count.toInt()
        }

        private fun byteCount(dtype: DType, shape: List<Int>): Long = elementCount(shape).toLong() * dtype.sizeBytes

        /** The format's limit for an input or output, so that a hostile file cannot ask for more memory. */
        internal const val MAX_ELEMENTS = 1L shl 28
    }
}

/**
 * The flattened outputs of a method: a lone tensor is `0`, a tuple `0`, `1`, a dict has its keys, and nested values are `1.boxes`.
 *
 * @property structure the nesting, with `*` for a tensor: `(*, *)`, `{'logits': *}`
 */
class Outputs(val structure: String, val tensors: Map<String, Tensor>) {
    operator fun get(name: String): Tensor = tensors[name]
        ?: throw ModelException("the model has no output '$name'; it has ${tensors.keys}")
}
