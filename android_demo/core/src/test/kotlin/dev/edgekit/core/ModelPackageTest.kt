package dev.edgekit.core

import dev.edgekit.host.PackageEditor
import java.io.File
import kotlin.test.Test
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertNull
import kotlin.test.assertTrue
import org.junit.Rule
import org.junit.rules.TemporaryFolder

class ModelPackageTest {
    @get:Rule
    val folder = TemporaryFolder()
    private val file: File get() = folder.root.resolve("tiny.ptl")

    @Test
    fun open_aGoodPackage_readsManifestLabelsAndGoldens() {
        val model = ModelPackage.open(TinyPackage.write(file))
        assertEquals("tiny", model.name)
        assertTrue(model.manifest!!.weights.areRandom)
        assertEquals(listOf("cat", "dög € \uD83D\uDE00 \\"), model.labels)
        assertEquals(listOf("forward: seed 1"), model.goldens.map { it.name })
    }

    @Test
    fun open_aChangedRecord_fails() = assertRefused("constants/0.storage has sha256") {
        PackageEditor.withWrongDigest(TinyPackage.write(file), file)
    }

    @Test
    fun open_aMissingRecord_fails() = assertRefused("constants/0.storage is missing") {
        TinyPackage.write(file, TinyPackage.records - "constants/0.storage", TinyPackage.manifest(TinyPackage.digests(TinyPackage.records)))
    }

    @Test
    fun open_aSurplusRecord_fails() = assertRefused("data/9 is not in the manifest") {
        TinyPackage.write(file, TinyPackage.records + ("data/9" to ByteArray(1)), TinyPackage.manifest(TinyPackage.digests(TinyPackage.records)))
    }

    @Test
    fun open_aNewerMajorVersion_fails() = assertRefused("schema version 2.0; this app reads 1.x") {
        TinyPackage.write(file, manifest = TinyPackage.manifest(TinyPackage.digests(TinyPackage.records), version = "2.0"))
    }

    @Test
    fun open_aNewerMinorVersion_isRead() {
        val manifest = TinyPackage.manifest(TinyPackage.digests(TinyPackage.records), version = "1.9")
        assertEquals("tiny", ModelPackage.open(TinyPackage.write(file, manifest = manifest)).name)
    }

    @Test
    fun open_aTruncatedFile_fails() = assertRefused("cut short") { PackageEditor.truncated(TinyPackage.write(file), file) }

    @Test
    fun open_whatIsNoPackage_fails() {
        assertRefused("cut short") { file.writeText("hello") }
        assertRefused("cut short") { file.writeBytes(ByteArray(0)) }
        assertRefused("no bytecode.pkl") { PackageEditor.write(mapOf("model/data.pkl" to ByteArray(1)), file) }
        assertFailsWith<PackageException> { ModelPackage.open(folder.root) }
    }

    @Test
    fun open_aPlainPtl_hasNoManifest() {
        PackageEditor.write(mapOf("model/bytecode.pkl" to ByteArray(1)), file)
        val model = ModelPackage.open(file)
        assertNull(model.manifest)
        assertFailsWith<PackageException> { model.requireManifest() }
    }

    private fun assertRefused(why: String, make: () -> Unit) {
        make()
        assertContains(assertFailsWith<PackageException> { ModelPackage.open(file) }.message!!, why)
    }
}
