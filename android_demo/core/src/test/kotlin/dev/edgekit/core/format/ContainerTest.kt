package dev.edgekit.core.format

import dev.edgekit.host.PackageEditor
import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.zip.ZipEntry
import java.util.zip.ZipOutputStream
import kotlin.test.Test
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertNull
import org.junit.Rule
import org.junit.rules.TemporaryFolder

/** One rule of the container each; tests/android_demo runs all the files of tests/attacks. */
class ContainerTest {
    @get:Rule
    val folder = TemporaryFolder()
    private val file: File get() = folder.root.resolve("tiny.ptl")
    private val good by lazy { TinyPackage.write(folder.root.resolve("good.ptl")).readBytes() }
    private val end get() = good.size - END_BYTES
    private val directory get() = ByteBuffer.wrap(good).order(ByteOrder.LITTLE_ENDIAN).getInt(end + 16)

    @Test
    fun open_bytesAroundTheRecords_areRefused() {
        assertRefused("has a comment", patched { putShort(end + 20, 3) } + "abc".encodeToByteArray())
        assertRefused("or bytes follow it", good + 0)
        assertRefused("no end record", good.copyOf(good.size - 1))
        assertRefused("no end record", ByteArray(0))
        assertRefused("places the directory at", byteArrayOf(0) + good)
        assertRefused("its directory has more", withCount(-1))
        assertRefused("directory is cut off", withCount(+1))
        assertRefused("part of several files", patched { putShort(end + 4, 1) })
    }

    /** The end record says that there are more or fewer records, in both of its places. */
    private fun withCount(more: Int) = patched {
        for (place in listOf(end + 8, end + 10)) putShort(place, (getShort(place) + more).toShort())
    }

    @Test
    fun open_aLocalHeaderThatContradictsTheDirectory_isRefused() {
        for (place in listOf(4, 6, 8, 10, 12, 14, 18, 22, 26, 30)) { // Every field except the extra field's length.
            assertRefused("contradicts the directory", patched { put(place, get(place).inc()) })
        }
        assertRefused("no local header", patched { put(0, 0) })
        assertRefused("there is a gap before it", patched { putInt(directory + 42, 1) })
    }

    @Test
    fun open_attributesOfAFolderOrLink_areRefused() {
        for (attributes in listOf(0x10, 1, 0x8000, 0x41ed shl 16, 0xa1ff shl 16)) {
            assertRefused("attributes of a folder or special file", patched { putInt(directory + 38, attributes) })
        }
    }

    @Test
    fun open_whatAPackageDoesNotHave_isRefused() {
        assertRefused("is encrypted", both(local = 6) { putShort(it, 1) })
        assertRefused("is compressed", both(local = 8) { putShort(it, 99) })
        assertRefused("has two sizes", both(local = 18) { putInt(it, 1) })
        assertRefused("it is damaged", manifestChecksum())
        assertRefused("zip64", both(local = 18) { putInt(it, -1) }.let { bytes -> patch(bytes) { putInt(22, -1) } })
    }

    @Test
    fun open_aNameThatIsNotPlain_isRefused() {
        val names = mapOf(
            "archive/BYTECODE.pkl" to "two records have the name",
            "other/data" to "is not a plain name in the root folder \"archive/\"",
            "data" to "is not a plain name",
            "archive/folder/" to "is a folder",
            "archive/../data" to "leads to another folder",
            "archive/a\\b" to "is not a plain name",
            "archive/\u001b[31m" to "\"archive/\\u001b[31m\" is not a plain name",
        )
        for ((name, why) in names) {
            val records = TinyPackage.records.mapKeys { "archive/${it.key}" } + (name to ByteArray(1))
            assertRefused(why, PackageEditor.write(records, file).readBytes())
        }
    }

    /** As torch and other tools write them. */
    @Test
    fun open_aPlainFileWithCompressedRecordsAndDescriptors_isReadIfTheyAgree() {
        ZipOutputStream(file.outputStream()).use { zip ->
            zip.putNextEntry(ZipEntry("archive/bytecode.pkl"))
            zip.write(ByteArray(1000))
        }
        assertNull(ModelPackage.open(file).manifest)
        val bytes = file.readBytes()
        val descriptor = (0..bytes.size - 4).first { ByteBuffer.wrap(bytes).getInt(it) == 0x504b0708 }
        val other = patch(bytes) { put(descriptor + 4, get(descriptor + 4).inc()) }
        assertRefused("has a data descriptor that contradicts", other)
    }

    @Test
    fun readDirectory_zip64RecordsThatContradict_areRefused() {
        fun zip64(start: Long): ByteArray {
            val record = ByteBuffer.allocate(76).order(ByteOrder.LITTLE_ENDIAN)
            record.putInt(0x06064b50).putLong(44).putShort(45).putShort(45).putInt(0).putInt(0)
            repeat(2) { record.putLong(good[end + 8].toLong()) }
            record.putLong((end - directory).toLong()).putLong(start)
            record.putInt(0x07064b50).putInt(0).putLong(end.toLong()).putInt(1)
            return good.copyOf(end) + record.array() + good.copyOfRange(end, good.size)
        }
        assertRefused("has zip64 records; a package has none", zip64(directory.toLong()))
        assertRefused("its zip64 record contradicts the end record", zip64(0))
    }

    /** Both headers of the first record; the place in the directory's is two bytes further. */
    private fun both(local: Int, change: ByteBuffer.(Int) -> Unit) = patched {
        change(local)
        change(directory + local + 2)
    }

    /** Another CRC-32 in both headers of the manifest, which has no digest. */
    private fun manifestChecksum(): ByteArray {
        val text = String(good, Charsets.ISO_8859_1)
        val name = "archive/extra/edgekit/manifest.json"
        return patched {
            put(text.indexOf(name) - 30 + 14, 1)
            put(text.lastIndexOf(name) - 46 + 16, 1)
        }
    }

    private fun patched(change: ByteBuffer.() -> Unit) = patch(good, change)

    private fun patch(bytes: ByteArray, change: ByteBuffer.() -> Unit): ByteArray =
        bytes.copyOf().also { ByteBuffer.wrap(it).order(ByteOrder.LITTLE_ENDIAN).change() }

    private fun assertRefused(why: String, bytes: ByteArray) {
        file.writeBytes(bytes)
        val error = assertFailsWith<PackageException>(why) { ModelPackage.open(file) }
        assertContains(error.message!!, why)
        assertEquals(1, error.message!!.lines().size)
    }

    private companion object {
        const val END_BYTES = 22
    }
}
