package dev.edgekit.core.format

import java.io.RandomAccessFile
import java.nio.ByteBuffer

/**
 * Checks that the names are plain, different and in one root folder.
 *
 * @throws ContainerException where they are not
 */
internal fun checkNames(directory: ZipDirectory) {
    val root = directory.root
    val seen = HashSet<String>()
    for (record in directory.records) {
        val short = record.name.removePrefix(root)
        if (short == record.name || '\\' in short || !isPrintable(record.name)) {
            throw record.wrong("is not a plain name in the root folder ${Json.write(root)}")
        }
        if (short.split('/').any { it in listOf("", ".", "..") }) {
            throw record.wrong("is a folder or leads to another folder")
        }
        val key = if (short.startsWith("code/")) short else short.lowercase() // libtorch's reader ignores case.
        if (!seen.add(key)) throw ContainerException("two records have the name ${Json.write(short)}")
    }
}

private fun isPrintable(name: String): Boolean = name.codePoints().allMatch {
    it == ' '.code || Character.getType(it).toByte() !in UNPRINTABLE
}

/**
 * Checks that each record's local header agrees with the directory, and that the records fill the file without gaps.
 *
 * @param plain whether torch wrote the file itself, with data descriptors, zip64 records and compressed source code
 * @throws ContainerException where a record breaks a rule
 */
internal fun checkRecords(file: RandomAccessFile, directory: ZipDirectory, plain: Boolean) {
    if (directory.hasZip64 && !plain) throw ContainerException("it has zip64 records; a package has none")
    var at = 0L
    for (record in directory.records) {
        checkRecord(record, plain)
        if (record.offset != at) {
            val what = if (record.offset > at) "a gap before it" else "bytes that another record also has"
            throw record.wrong("starts at byte ${record.offset}, so there is $what; expected $at")
        }
        at = endOfRecord(file, record, directory.start)
    }
    if (at != directory.start) {
        throw ContainerException("the last record ends at byte $at, but the directory starts at ${directory.start}")
    }
}

private fun checkRecord(record: ZipRecord, plain: Boolean) {
    val allowed = IS_UTF8 or if (plain) HAS_DESCRIPTOR else 0
    if (record.flags and allowed.inv() != 0) throw record.wrong("is encrypted or has other flags (${record.flags})")
    if (record.method != STORED && !(plain && record.method == DEFLATED)) {
        throw record.wrong("is compressed (method ${record.method}); expected it stored")
    }
    if (BEYOND_32_BITS in listOf(record.size, record.packedSize, record.offset)) {
        throw record.wrong("needs zip64; expected a file of less than 4 GB")
    }
    if (record.method == STORED && record.packedSize != record.size) {
        throw record.wrong("has two sizes (${record.packedSize} and ${record.size} bytes)")
    }
    if (record.size > DEFLATE_RATIO * record.packedSize) {
        throw record.wrong("claims ${record.size} bytes in ${record.packedSize}")
    }
    checkExtra(record, record.extra)
}

private fun checkExtra(record: ZipRecord, extra: ByteBuffer) {
    if (!extra.hasRemaining()) return
    val isPadding = extra.remaining() >= 4 && extra.getShort() == PADDING_ID && extra.u16() == extra.remaining()
    if (!isPadding) throw record.wrong("has an extra field other than padding")
}

/** The offset after the record, and after its data descriptor if it has one. */
private fun endOfRecord(file: RandomAccessFile, record: ZipRecord, limit: Long): Long {
    val dataAt = record.offset + LOCAL_BYTES + record.rawName.size
    if (dataAt > limit) throw record.wrong("has no local header")
    val header = file.bytes(record.offset, dataAt)
    if (header.getInt() != LOCAL_MAGIC) throw record.wrong("has no local header")
    val stamps = List(5) { header.u16() }
    val sizes = List(3) { header.u32() }
    val nameSize = header.u16()
    val extraSize = header.u16()
    val name = ByteArray(header.remaining()).also(header::get)
    val sameName = nameSize == name.size && name.contentEquals(record.rawName)
    val sizesFollow = record.hasDescriptor && sizes.all { it == 0L }
    if (!sameName || stamps != record.stamps || (sizes != record.sizes && !sizesFollow)) {
        throw record.wrong("has a local header that contradicts the directory")
    }
    val end = dataAt + extraSize + record.packedSize
    val next = end + if (record.hasDescriptor) DESCRIPTOR_BYTES else 0
    if (next > limit) throw record.wrong("reaches beyond the records")
    checkExtra(record, file.bytes(dataAt, dataAt + extraSize))
    if (record.hasDescriptor) {
        val descriptor = file.bytes(end, next)
        if (descriptor.getInt() != DESCRIPTOR_MAGIC || List(3) { descriptor.u32() } != record.sizes) {
            throw record.wrong("has a data descriptor that contradicts the directory")
        }
    }
    return next
}

private val UNPRINTABLE = setOf(
    Character.CONTROL,
    Character.FORMAT,
    Character.SURROGATE,
    Character.PRIVATE_USE,
    Character.UNASSIGNED,
    Character.LINE_SEPARATOR,
    Character.PARAGRAPH_SEPARATOR,
    Character.SPACE_SEPARATOR,
)
private const val STORED = 0
private const val DEFLATED = 8
private const val LOCAL_BYTES = 30
private const val LOCAL_MAGIC = 0x04034b50
private const val DESCRIPTOR_BYTES = 16
private const val DESCRIPTOR_MAGIC = 0x08074b50
private const val BEYOND_32_BITS = 0xffffffffL
private const val PADDING_ID: Short = 0x4246 // "FB", which pads records to a multiple of 64.
private const val DEFLATE_RATIO = 1032 // Deflate cannot compress better than this.
