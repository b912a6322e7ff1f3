package dev.edgekit.core.format

import java.io.File
import java.io.IOException
import java.io.InputStream
import java.io.RandomAccessFile
import java.security.MessageDigest
import java.util.zip.CRC32
import java.util.zip.CheckedInputStream
import java.util.zip.ZipFile

/**
 * A `.ptl` whose records have the digests in its manifest. They are checked before PyTorch reads a byte.
 *
 * @property manifest null for a plain `.ptl` of another tool, which can be run and timed but not verified
 */
class ModelPackage private constructor(val file: File, val manifest: Manifest?, val labels: List<String>, val goldens: List<GoldenCase>) {
    val name: String get() = manifest?.name ?: file.nameWithoutExtension

    fun requireManifest(): Manifest = manifest
        ?: throw PackageException("${file.name} has no edgekit manifest. Export the model with: edgekit export")

    /**
     * Checks that the bounds of the golden cases are tight.
     *
     * @throws PackageException where a case would pass on other weights
     */
    fun requireStrictGoldens() {
        requireTight("the manifest", manifest?.tolerance)
        for (case in goldens) {
            requireTight("golden case '${case.name}'", case.tolerance)
        }
    }

    private fun requireTight(where: String, tolerance: Tolerance?) {
        if (tolerance == null || tolerance.loosened || tolerance.largest <= MOST_NOISE) return
        val bound = tolerance.largest
        throw changed("$where has a tolerance of $bound, which is not marked as loosened; expected at most $MOST_NOISE")
    }

    private fun changed(what: String) =
        PackageException("${file.name}: $what. The file was changed; copy or export it again.")

    companion object {
        /** The largest bound of a package that nobody loosened. */
        private const val MOST_NOISE = 1e-3
        private const val MANIFEST = "extra/edgekit/manifest.json"
        private const val GOLDEN = "extra/edgekit/golden.json"
        private const val LABELS = "extra/edgekit/labels.txt"
        private const val SIGNATURE = "extra/edgekit/signature"
        private const val SERIALIZATION_ID = ".data/serialization_id"
        private const val TEXT_LIMIT_BYTES = 64 shl 20
        private const val MOST_LABELS = 1 shl 20

        /**
         * @param key with it, the package must be signed by the owner of this key, which is checked before anything is parsed
         * @throws PackageException where the file is not a package, is damaged, or is not signed so
         */
        fun open(file: File, key: PublicKey? = null): ModelPackage {
            if (!file.isFile) {
                throw PackageException("${file.name} is not a file; expected a .ptl file. Check its name.")
            }
            return try {
                val directory = RandomAccessFile(file, "r").use { checkedDirectory(it, file.name) }
                ZipFile(file).use { read(file, Records(it, directory, file.name), key) }
            } catch (e: IOException) {
                throw cutShort(file.name, e)
            }
        }

        private fun cutShort(name: String, e: Exception) =
            PackageException("$name is not a .ptl file, or is cut short (${e.message}). Copy or export it again.", e)

        /** The directory of a file that Java's reader can only understand as libtorch does. */
        private fun checkedDirectory(file: RandomAccessFile, name: String): ZipDirectory {
            val directory = try {
                readDirectory(file)
            } catch (e: ContainerException) {
                throw cutShort(name, e)
            }
            try {
                checkNames(directory)
                checkRecords(file, directory, plain = directory.records.none { it.name == directory.root + MANIFEST })
            } catch (e: ContainerException) {
                val remedy = "The file is damaged or was changed; copy or export it again."
                throw PackageException("$name: ${e.message}. $remedy", e)
            }
            return directory
        }

        private fun read(file: File, records: Records, key: PublicKey?): ModelPackage {
            if ("bytecode.pkl" !in records) {
                throw PackageException("${file.name} has no bytecode.pkl, so it is not a model for the lite interpreter. Export it with: edgekit export")
            }
            if (MANIFEST !in records) {
                key?.requireSignature(null, ByteArray(0), file.name)
                return ModelPackage(file, null, emptyList(), emptyList())
            }
            val text = records.bytes(MANIFEST)
            val signature = if (SIGNATURE in records) records.bytes(SIGNATURE, exactly = PublicKey.RECORD_BYTES) else null
            key?.requireSignature(signature, text, file.name)
            val manifest = Manifest.parse(text.toString(Charsets.US_ASCII))
            records.check(manifest.records, except = setOf(MANIFEST, SERIALIZATION_ID, SIGNATURE))
            if (SERIALIZATION_ID in records) records.read(SERIALIZATION_ID, ::sha256) // Checks its CRC-32.
            return ModelPackage(
                file = file,
                manifest = manifest,
                labels = if (LABELS in records) labels(file, records.text(LABELS)) else emptyList(),
                goldens = if (GOLDEN in records) Goldens.parse(records.text(GOLDEN)) else emptyList(),
            )
        }

        private fun labels(file: File, text: String): List<String> {
            if (text.count { it == '\n' } > MOST_LABELS) {
                throw PackageException("${file.name}: $LABELS has more than $MOST_LABELS labels. Export it again.")
            }
            return parseLabels(text)
        }

        private class Records(private val zip: ZipFile, directory: ZipDirectory, private val fileName: String) {
            private val records = directory.records.associateBy { it.name.removePrefix(directory.root) }

            operator fun contains(name: String) = name in records

            fun text(name: String): String = bytes(name).toString(Charsets.US_ASCII)

            fun bytes(name: String, exactly: Int): ByteArray {
                val size = records.getValue(name).size
                if (size != exactly.toLong()) {
                    val what = "has $size bytes; expected $exactly. It is damaged"
                    throw PackageException("$fileName: record $name $what: get the package again from who made it.")
                }
                return bytes(name)
            }

            fun bytes(name: String): ByteArray {
                if (records.getValue(name).size > TEXT_LIMIT_BYTES) {
                    val limit = "$TEXT_LIMIT_BYTES bytes, the limit"
                    throw PackageException("$fileName: $name has more than $limit. Export it again.")
                }
                return read(name) { it.readBytes() }
            }

            fun <T> read(name: String, use: (InputStream) -> T): T {
                val record = records.getValue(name)
                val crc = CRC32()
                val result = zip.getInputStream(zip.getEntry(record.name)).use { use(CheckedInputStream(it, crc)) }
                if (crc.value != record.crc) {
                    val what = "has another CRC-32 than its header, so it is damaged"
                    throw PackageException("$fileName: record $name $what. Copy or export it again.")
                }
                return result
            }

            fun check(digests: Map<String, String>, except: Set<String>) {
                val present = records.keys - except
                (digests.keys - present).minOrNull()?.let { throw changed(it, "is missing") }
                (present - digests.keys).minOrNull()?.let { throw changed(it, "is not in the manifest") }
                digests.forEach { (name, expected) ->
                    val got = read(name, ::sha256)
                    if (got != expected) throw changed(name, "has sha256 ${got.take(16)}…, expected ${expected.take(16)}…")
                }
            }

            private fun changed(name: String, what: String) =
                PackageException("$fileName: record $name $what. The file was changed; copy or export it again.")
        }
    }
}

/** The SHA-256 of the rest of a stream, in hex. */
fun sha256(stream: InputStream): String {
    val digest = MessageDigest.getInstance("SHA-256")
    val chunk = ByteArray(1 shl 16)
    while (true) {
        val count = stream.read(chunk)
        if (count < 0) break
        digest.update(chunk, 0, count)
    }
    return digest.digest().joinToString("") { "%02x".format(it) }
}
