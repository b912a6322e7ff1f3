package dev.edgekit.core.format

import java.io.RandomAccessFile
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.charset.CharacterCodingException

/*
 * The strict reading of the zip container, before any other code trusts the file (docs/format.md, "Container").
 *
 * A zip file says the same thing in several places. Java's reader and libtorch's read different ones, so a file whose
 * places disagree could give other weights than those that were checked.
 */

/** The file breaks a rule of the container; the message does not name the file. */
internal class ContainerException(message: String, cause: Throwable? = null) : Exception(message, cause)

/**
 * A record as the directory describes it.
 *
 * @property name with the root folder
 * @property stamps the version that is needed, flags, method, time and date
 */
internal class ZipRecord(
    val name: String,
    val rawName: ByteArray,
    val stamps: List<Int>,
    val crc: Long,
    val packedSize: Long,
    val size: Long,
    val offset: Long,
    val extra: ByteBuffer,
) {
    val flags: Int get() = stamps[1]
    val method: Int get() = stamps[2]
    val hasDescriptor: Boolean get() = flags and HAS_DESCRIPTOR != 0
    val sizes: List<Long> get() = listOf(crc, packedSize, size)

    fun wrong(what: String) = ContainerException("record ${Json.write(name)} $what")
}

/** @property start where the directory starts in the file */
internal class ZipDirectory(val records: List<ZipRecord>, val start: Long, val hasZip64: Boolean) {
    val root: String get() = records.firstOrNull()?.name.orEmpty().substringBefore('/') + "/"
}

/**
 * The end record and the directory, which have to fill the end of the file exactly.
 *
 * @throws ContainerException where they do not
 */
internal fun readDirectory(file: RandomAccessFile): ZipDirectory {
    val endAt = file.length() - END_BYTES
    if (endAt < 0) throw ContainerException("it has no end record of a zip archive")
    val end = file.bytes(endAt, file.length())
    if (end.getInt() != END_MAGIC) throw noEnd(file)
    val (disk, firstDisk, countHere, count) = List(4) { end.u16() }
    val (size, start) = List(2) { end.u32() }
    if (end.u16() != 0) throw ContainerException("its end record has a comment")
    if (disk != 0 || firstDisk != 0 || countHere != count) throw ContainerException("it is one part of several files")
    val hasZip64 = hasZip64(file, endAt, listOf(count.toLong(), size, start))
    val directoryEnd = endAt - if (hasZip64) ZIP64_BYTES else 0
    if (start + size != directoryEnd) {
        throw ContainerException(
            "its end record places the directory at bytes $start to ${start + size}, but it ends at $directoryEnd",
        )
    }
    if (size > MOST_DIRECTORY_BYTES) {
        throw ContainerException("its directory has $size bytes; expected at most $MOST_DIRECTORY_BYTES")
    }
    return ZipDirectory(readRecords(file.bytes(start, directoryEnd), count), start, hasZip64)
}

private fun noEnd(file: RandomAccessFile): ContainerException {
    val tail = file.bytes(maxOf(0, file.length() - END_BYTES - LONGEST_COMMENT), file.length())
    val found = (0..tail.limit() - END_BYTES).any { tail.getInt(it) == END_MAGIC }
    return ContainerException(
        if (found) "its end record has a comment, or bytes follow it" else "it has no end record of a zip archive",
    )
}

/** Whether there are zip64 records, which have to repeat the count, size and offset of the end record. */
private fun hasZip64(file: RandomAccessFile, endAt: Long, expected: List<Long>): Boolean {
    val locatorAt = endAt - ZIP64_LOCATOR_BYTES
    val recordAt = endAt - ZIP64_BYTES
    if (locatorAt < 0) return false
    val locator = file.bytes(locatorAt, endAt)
    if (locator.getInt() != ZIP64_LOCATOR_MAGIC) return false
    if (recordAt < 0) throw ContainerException("its zip64 records are cut off")
    val record = file.bytes(recordAt, locatorAt)
    val pointsBack = locator.getInt() == 0 && locator.getLong() == recordAt && locator.getInt() == 1
    if (!pointsBack || record.getInt() != ZIP64_END_MAGIC || record.getLong() != ZIP64_END_BYTES - 12L) {
        throw ContainerException("its zip64 locator does not point at the zip64 record right before it")
    }
    record.getInt() // The versions that wrote and need it.
    val (count, size, start) = expected
    if (record.getLong() != 0L || List(4) { record.getLong() } != listOf(count, count, size, start)) {
        throw ContainerException("its zip64 record contradicts the end record, or the file has 4 GB or more")
    }
    return true
}

private fun readRecords(directory: ByteBuffer, count: Int): List<ZipRecord> {
    val records = List(count) {
        if (directory.remaining() < CENTRAL_BYTES) throw ContainerException("its directory is cut off")
        readRecord(directory)
    }
    if (directory.hasRemaining()) {
        throw ContainerException("its end record promises $count records, but its directory has more")
    }
    return records
}

private fun readRecord(directory: ByteBuffer): ZipRecord {
    if (directory.getInt() != CENTRAL_MAGIC) throw ContainerException("its directory is damaged")
    directory.getShort() // The version that wrote it.
    val stamps = List(5) { directory.u16() }
    val (crc, packedSize, size) = List(3) { directory.u32() }
    val (nameSize, extraSize, commentSize) = List(3) { directory.u16() }
    val disk = directory.u16()
    directory.getShort() // The internal attributes decide nothing.
    val attributes = directory.u32()
    val offset = directory.u32()
    if (directory.remaining() < nameSize + extraSize + commentSize) throw ContainerException("its directory is damaged")
    val rawName = ByteArray(nameSize).also(directory::get)
    val extra = ByteBuffer.wrap(ByteArray(extraSize).also(directory::get)).order(ByteOrder.LITTLE_ENDIAN)
    val name = decoded(rawName, stamps[1])
    val record = ZipRecord(name, rawName, stamps, crc, packedSize, size, offset, extra)
    if (commentSize != 0 || disk != 0) throw record.wrong("has a comment, or is in another file")
    if (attributes and 0xffff != 0L || attributes shr 28 !in FILE_TYPES) { // libtorch reads nothing of a folder.
        throw record.wrong("has attributes of a folder or special file")
    }
    return record
}

private fun decoded(raw: ByteArray, flags: Int): String = try {
    val charset = if (flags and IS_UTF8 != 0) Charsets.UTF_8 else Charsets.US_ASCII
    charset.newDecoder().decode(ByteBuffer.wrap(raw)).toString() // Refuses what `String(bytes)` would replace.
} catch (e: CharacterCodingException) {
    val shown = Json.write(String(raw, Charsets.ISO_8859_1))
    throw ContainerException("the record name $shown is neither ASCII nor marked as UTF-8", e)
}

internal fun RandomAccessFile.bytes(from: Long, to: Long): ByteBuffer {
    val result = ByteArray((to - from).toInt())
    seek(from)
    readFully(result)
    return ByteBuffer.wrap(result).order(ByteOrder.LITTLE_ENDIAN)
}

internal fun ByteBuffer.u16(): Int = getShort().toInt() and 0xffff

internal fun ByteBuffer.u32(): Long = getInt().toLong() and 0xffffffffL

internal const val IS_UTF8 = 0x0800
internal const val HAS_DESCRIPTOR = 0x0008
private val FILE_TYPES = listOf(0L, 8L) // In the upper 4 bits of the attributes: none, or a regular file.
private const val END_MAGIC = 0x06054b50
private const val CENTRAL_MAGIC = 0x02014b50
private const val ZIP64_END_MAGIC = 0x06064b50
private const val ZIP64_LOCATOR_MAGIC = 0x07064b50
private const val END_BYTES = 22
private const val CENTRAL_BYTES = 46
private const val ZIP64_END_BYTES = 56
private const val ZIP64_LOCATOR_BYTES = 20
private const val ZIP64_BYTES = ZIP64_END_BYTES + ZIP64_LOCATOR_BYTES
private const val LONGEST_COMMENT = 0xffff
private const val MOST_DIRECTORY_BYTES = 16L shl 20
