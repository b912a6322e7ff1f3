package dev.edgekit.core.format

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
        assertEquals(listOf("cat", "dög € \uD83D\uDE00"), model.labels)
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
    fun open_aNewerMajorVersion_fails() =
        assertRefused("schema_version 3.0; this reader takes 2.x and older") { withVersion("3.0") }

    @Test
    fun open_aVersionThatIsNotMajorDotMinor_fails() {
        for (version in listOf("1", "", "1.", ".0", "1.0.0", "v1.0", "1.0 ", "-1.0", "1.x", "\u0661.\u0660", "1234567.0", "1.1234567")) {
            assertRefused("expected MAJOR.MINOR") { withVersion(version) }
        }
    }

    @Test
    fun open_anOlderMajorOrANewerMinorVersion_isRead() {
        for (version in listOf("1.7", "0.9", "2.999999", "02.0")) {
            withVersion(version)
            assertEquals("tiny", ModelPackage.open(file).name, version)
        }
    }

    private fun withVersion(version: String) {
        TinyPackage.write(file, manifest = TinyPackage.manifest(TinyPackage.digests(TinyPackage.records), version))
    }

    @Test
    fun open_aTruncatedFile_fails() = assertRefused("cut short") { PackageEditor.truncated(TinyPackage.write(file), file) }

    @Test
    fun open_aFileThatIsNotAPackage_fails() {
        assertRefused("cut short") { file.writeText("hello") }
        assertRefused("cut short") { file.writeBytes(ByteArray(0)) }
        assertRefused("no bytecode.pkl") { PackageEditor.write(mapOf("model/data.pkl" to ByteArray(1)), file) }
        assertFailsWith<PackageException> { ModelPackage.open(folder.root) }
    }

    @Test
    fun open_aGoldenCaseOfImpossibleSize_fails() {
        for (shape in listOf("[65536, 65536]", "[-1]", "[268435457]", "[4294967295]", "[2147483647, 2147483647, 2147483647]")) {
            assertRefused("") { withGolden("\"shape\": [2], \"seed\"", "\"shape\": $shape, \"seed\"") }
            assertRefused("") { withGolden("\"shape\": [2], \"indices\": null", "\"shape\": $shape, \"indices\": [0, 1]") }
        }
        assertRefused("more than 268435456 elements") { withGolden("\"shape\": [2], \"seed\"", "\"shape\": [65536, 65536], \"seed\"") }
    }

    @Test
    fun open_aToleranceUnderWhichEverythingPasses_fails() {
        for (bound in listOf("\"nan\"", "\"inf\"", "1e999", "-1e-5")) {
            val manifest = TinyPackage.manifest(TinyPackage.digests(TinyPackage.records)).replace("\"max\": 1e-5", "\"max\": $bound")
            assertRefused("tolerance max is") { TinyPackage.write(file, manifest = manifest) }
        }
        assertRefused("tolerance norm is NaN") {
            withGolden("\"method\"", "\"tolerance\": {\"norm\": \"nan\", \"max\": 1, \"absolute\": 1}, \"method\"")
        }
    }

    @Test
    fun open_anUnknownQuantizedEngine_fails() = assertRefused("quantized_engine is 'cudnn'") {
        val manifest = TinyPackage.manifest(TinyPackage.digests(TinyPackage.records))
        TinyPackage.write(file, manifest = manifest.replace("\"threads\": null", "\"quantized_engine\": \"cudnn\""))
    }

    @Test
    fun open_aGoldenCaseThatListsNothing_fails() = assertRefused("'forward: seed 1' lists no element of output '0'") {
        withGolden("\"indices\": null, \"values\": [0.25, 0.5]", "\"indices\": [], \"values\": []")
    }

    @Test
    fun requireStrictGoldens_goldenCasesThatCannotFail_areRefused() {
        fun refusal() = assertFailsWith<PackageException> { ModelPackage.open(file).requireStrictGoldens() }.message!!
        withGolden("\"method\"", "\"tolerance\": {\"max\": 0.01}, \"method\"")
        assertContains(refusal(), "'forward: seed 1' has a tolerance of 0.01, which is not marked as loosened")
        val loose = TinyPackage.manifest(TinyPackage.digests(TinyPackage.records), tolerance = "{\"norm\": 0.5}")
        TinyPackage.write(file, manifest = loose)
        assertContains(refusal(), "the manifest has a tolerance of 0.5")
    }

    @Test
    fun requireStrictGoldens_whatMayBeLooseOrEmpty_isAccepted() {
        withGolden("\"method\"", "\"tolerance\": {\"max\": 0.01, \"loosened\": true}, \"method\"")
        ModelPackage.open(file).requireStrictGoldens()
        withGolden(
            "\"shape\": [2], \"indices\": null, \"values\": [0.25, 0.5]",
            "\"shape\": [0], \"indices\": null, \"values\": []",
        )
        ModelPackage.open(file).requireStrictGoldens()
        val records = TinyPackage.records + ("extra/edgekit/golden.json" to PREDICT.encodeToByteArray())
        ModelPackage.open(TinyPackage.write(file, records)).requireStrictGoldens()
    }

    @Test
    fun open_aTextThatIsTooLarge_fails() = assertRefused("manifest.json has more than 67108864 bytes") {
        TinyPackage.write(file, manifest = " ".repeat((64 shl 20) + 1))
    }

    private fun withGolden(old: String, new: String) {
        PackageEditor.withText(TinyPackage.write(file), file, "extra/edgekit/golden.json") {
            assertContains(it, old)
            it.replace(old, new)
        }
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

    private companion object {
        /** Of the indices of `predict`, a case may list none. */
        const val PREDICT = """{"schema_version": "2.0", "cases": [{"name": "p", "method": "predict", "inputs": [],
            "outputs": [{"name": "1", "dtype": "int64", "shape": [2], "indices": [], "values": []}]}]}"""
    }
}
