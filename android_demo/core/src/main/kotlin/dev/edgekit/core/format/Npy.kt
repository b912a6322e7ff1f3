package dev.edgekit.core.format

import java.io.File
import java.io.IOException
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.channels.FileChannel
import java.nio.file.StandardOpenOption

/** numpy's `.npy` files, in C order and little-endian, as every platform of Android is. */
object Npy {
    private val MAGIC = byteArrayOf(0x93.toByte()) + "NUMPY".encodeToByteArray()
    private val DESCRIPTIONS = mapOf(
        DType.FLOAT32 to "<f4",
        DType.FLOAT64 to "<f8",
        DType.UINT8 to "|u1",
        DType.INT8 to "|i1",
        DType.INT32 to "<i4",
        DType.INT64 to "<i8",
        DType.BOOL to "|b1",
    )
    private val DESCR = Regex("""'descr': *('[^']*'|\[.*])""")
    private val ORDER = Regex("""'fortran_order': *(True|False)""")
    private val SHAPE = Regex("""'shape': *\(([0-9, ]*)\)""")
    private const val ALIGNMENT = 64

    /**
     * @throws InputException where the file is not an array that a model takes
     */
    fun read(file: File): Tensor = try {
        FileChannel.open(file.toPath()).use { channel ->
            if (channel.size() > Int.MAX_VALUE) throw InputException("${file.name} has ${channel.size()} bytes; at most ${Int.MAX_VALUE} are read.")
            read(channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size()).order(ByteOrder.LITTLE_ENDIAN), file.name)
        }
    } catch (e: IOException) {
        throw InputException("${file.path} cannot be read (${e.message}). Check its name.", e)
    }

    private fun read(bytes: ByteBuffer, name: String): Tensor {
        val header = header(bytes) ?: throw InputException("$name is not a .npy file. Save the array with numpy.save.")
        fun field(pattern: Regex) = pattern.find(header)?.groupValues?.get(1) ?: throw damaged(name)
        val description = field(DESCR).trim('\'')
        val dtype = DESCRIPTIONS.entries.find { it.value == description }?.key
            ?: throw InputException("$name holds $description; expected one of ${DESCRIPTIONS.keys.joinToString { it.id }}, little-endian. Convert it with .astype().")
        if (field(ORDER) != "False") throw InputException("$name is in Fortran order; expected C order. Save numpy.ascontiguousarray(array).")
        val shape = field(SHAPE).split(',').filter { it.isNotBlank() }.map { it.trim().toIntOrNull() ?: throw damaged(name) }
        val size = byteCount(dtype, shape, name)
        // Compared before memory is allocated: a damaged header may ask for more than there is.
        if (bytes.remaining().toLong() != size) throw InputException("$name has ${bytes.remaining()} bytes of data; expected $size for shape $shape. Save it again.")
        return Tensor.allocate(dtype, shape).apply { this.bytes.duplicate().put(bytes) }
    }

    private fun byteCount(dtype: DType, shape: List<Int>, name: String): Long = try {
        Tensor.elementCount(shape).toLong() * dtype.sizeBytes
    } catch (e: PackageException) {
        throw InputException("$name: ${e.message}", e)
    }

    private fun damaged(name: String) = InputException("$name has a damaged header. Save it again with numpy.save.")

    /** Leaves the buffer at the start of the data; null where there is no header. */
    private fun header(bytes: ByteBuffer): String? {
        if (bytes.remaining() < MAGIC.size + 6 || !MAGIC.all { it == bytes.get() }) return null
        val major = bytes.get().toInt()
        bytes.get() // The minor version is 0 in all of them.
        val length = if (major == 1) bytes.getShort().toInt() and 0xffff else bytes.getInt()
        if (major !in 1..3 || length !in 0..bytes.remaining()) return null
        return ByteArray(length).also(bytes::get).toString(Charsets.ISO_8859_1)
    }

    /** Writes the whole file or nothing. */
    fun write(file: File, tensor: Tensor) = writeWhole(file) { partial ->
        FileChannel.open(partial, StandardOpenOption.WRITE).use { channel ->
            for (part in listOf(ByteBuffer.wrap(header(tensor)), tensor.bytes.duplicate().rewind())) {
                while (part.hasRemaining()) channel.write(part)
            }
        }
    }

    private fun header(tensor: Tensor): ByteArray {
        val shape = tensor.shape.joinToString(", ").let { if (tensor.shape.size == 1) "$it," else it }
        val text = "{'descr': '${DESCRIPTIONS.getValue(tensor.dtype)}', 'fortran_order': False, 'shape': ($shape), }"
        val used = MAGIC.size + 4 + text.length + 1
        val padded = text.padEnd(text.length + Math.floorMod(-used, ALIGNMENT)) + "\n"
        val size = byteArrayOf((padded.length and 0xff).toByte(), (padded.length shr 8).toByte())
        return MAGIC + byteArrayOf(1, 0) + size + padded.encodeToByteArray()
    }
}
