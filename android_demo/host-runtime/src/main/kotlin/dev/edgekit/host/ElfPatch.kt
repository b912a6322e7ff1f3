package dev.edgekit.host

import java.nio.ByteBuffer
import java.nio.ByteOrder

/**
 * Makes an Android shared library acceptable to glibc's loader, by changes in its dynamic section only.
 *
 * Symbol versions go (`memcpy@LIBC` is unknown to glibc), and of the needed libraries only those stay that the host runtime
 * opens first: the loader finds them by name among what is loaded already. No code or data of the library changes.
 */
internal object ElfPatch {
    private const val PT_LOAD = 1
    private const val PT_DYNAMIC = 2
    private const val DT_NULL = 0L
    private const val DT_NEEDED = 1L
    private const val DT_STRTAB = 5L
    private const val DT_VERSYM = 0x6ffffff0L
    private val VERSION_TAGS = setOf(DT_VERSYM, 0x6ffffffcL, 0x6ffffffdL, 0x6ffffffeL, 0x6fffffffL)

    fun apply(library: ByteArray, keptNeeded: Set<String>) {
        val elf = ByteBuffer.wrap(library).order(ByteOrder.LITTLE_ENDIAN)
        require(elf.getInt(0) == 0x464c457f && elf[4].toInt() == 2) { "not a 64-bit ELF library" }
        val segments = segments(elf)
        val dynamic = segments.single { it.type == PT_DYNAMIC }
        val entries = generateSequence(dynamic.offset) { it + 16 }
            .map { elf.getLong(it) to elf.getLong(it + 8) }
            .takeWhile { (tag, _) -> tag != DT_NULL }
            .toList()
        val strings = fileOffset(segments, entries.single { it.first == DT_STRTAB }.second)
        val kept = entries.filter { (tag, value) ->
            tag !in VERSION_TAGS && (tag != DT_NEEDED || text(elf, strings + value.toInt()) in keptNeeded)
        }
        val padding = List(entries.size - kept.size) { DT_NULL to 0L }
        (kept + padding).forEachIndexed { i, (tag, value) ->
            elf.putLong(dynamic.offset + 16 * i, tag).putLong(dynamic.offset + 16 * i + 8, value)
        }
    }

    private class Segment(val type: Int, val offset: Int, val address: Long, val size: Long)

    private fun segments(elf: ByteBuffer): List<Segment> {
        val table = elf.getLong(32).toInt()
        val entrySize = elf.getShort(54).toInt()
        return List(elf.getShort(56).toInt()) {
            val at = table + it * entrySize
            Segment(elf.getInt(at), elf.getLong(at + 8).toInt(), elf.getLong(at + 16), elf.getLong(at + 32))
        }
    }

    private fun fileOffset(segments: List<Segment>, address: Long): Int {
        val home = segments.first { it.type == PT_LOAD && address in it.address until it.address + it.size }
        return (address - home.address).toInt() + home.offset
    }

    private fun text(elf: ByteBuffer, offset: Int): String =
        generateSequence(offset) { it + 1 }.map { elf[it] }.takeWhile { it != 0.toByte() }
            .toList().toByteArray().decodeToString()
}
