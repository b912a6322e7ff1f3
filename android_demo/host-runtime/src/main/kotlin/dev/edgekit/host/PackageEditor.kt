package dev.edgekit.host

import java.io.File
import java.security.MessageDigest
import java.util.zip.CRC32
import java.util.zip.ZipEntry
import java.util.zip.ZipFile
import java.util.zip.ZipOutputStream

/** Damages packages in ways that a reader has to detect. */
object PackageEditor {
    private const val MANIFEST = "archive/extra/edgekit/manifest.json"
    private val PROOF = Regex("\"proof\": *(null|\"[a-z]+\")")
    private val ENGINE = Regex("\"quantized_engine\": *null")

    /** Flips the signs of the largest constant, and remakes its digest: only a run of the model shows it. */
    fun withAlteredWeights(source: File, target: File): File {
        val records = read(source)
        val (name, data) = records.filterKeys { it.endsWith(".storage") }.maxBy { it.value.size }
        val altered = data.copyOf()
        for (i in 3 until altered.size step 4) altered[i] = (altered[i].toInt() xor 0x80).toByte()
        val manifest = records.getValue(MANIFEST).decodeToString().replace(sha256(data), sha256(altered))
        return write(records + mapOf(name to altered, MANIFEST to manifest.encodeToByteArray()), target)
    }

    /** Changes one byte of a record and leaves the manifest as it is. */
    fun withWrongDigest(source: File, target: File): File {
        val records = read(source)
        val (name, data) = records.filterKeys { it.endsWith(".storage") }.maxBy { it.value.size }
        return write(records + (name to data.copyOf().also { it[0] = (it[0].toInt() xor 1).toByte() }), target)
    }

    /** Edits a text record, such as `extra/edgekit/golden.json`, and remakes its digest: only a reader of the text detects it. */
    fun withText(source: File, target: File, record: String, edit: (String) -> String): File {
        val records = read(source)
        val old = records.getValue("archive/$record")
        val new = edit(old.decodeToString()).encodeToByteArray()
        val manifest = records.getValue(MANIFEST).decodeToString().replace(sha256(old), sha256(new))
        return write(records + mapOf("archive/$record" to new, MANIFEST to manifest.encodeToByteArray()), target)
    }

    /** Replaces text in the manifest. */
    fun withManifest(source: File, target: File, edit: (String) -> String): File {
        val records = read(source)
        return write(records + (MANIFEST to edit(records.getValue(MANIFEST).decodeToString()).encodeToByteArray()), target)
    }

    /** Says that the first output of the first method is unproven. */
    fun withUnprovenOutput(source: File, target: File): File = withManifest(source, target) { text ->
        val outputs = text.indexOf("\"outputs\"", text.indexOf("\"methods\""))
        text.take(outputs) + text.drop(outputs).replaceFirst(PROOF, "\"proof\": \"unproven\"")
    }

    /** Says that the quantized weights are for this engine. */
    fun withQuantizedEngine(source: File, target: File, engine: String): File =
        withManifest(source, target) { it.replace(ENGINE, "\"quantized_engine\": \"$engine\"") }

    fun truncated(source: File, target: File): File {
        target.writeBytes(source.readBytes().let { it.copyOf(it.size / 2) })
        return target
    }

    fun read(file: File): Map<String, ByteArray> = ZipFile(file).use { zip ->
        zip.entries().asSequence().associate { entry -> entry.name to zip.getInputStream(entry).use { it.readBytes() } }
    }

    fun write(records: Map<String, ByteArray>, target: File): File {
        ZipOutputStream(target.outputStream()).use { zip ->
            for ((name, data) in records) zip.putStored(name, data)
        }
        return target
    }

    private fun ZipOutputStream.putStored(name: String, data: ByteArray) {
        val entry = ZipEntry(name)
        entry.method = ZipEntry.STORED
        entry.size = data.size.toLong()
        entry.crc = CRC32().apply { update(data) }.value
        putNextEntry(entry)
        write(data)
    }

    private fun sha256(data: ByteArray) = MessageDigest.getInstance("SHA-256").digest(data).joinToString("") { "%02x".format(it) }
}
