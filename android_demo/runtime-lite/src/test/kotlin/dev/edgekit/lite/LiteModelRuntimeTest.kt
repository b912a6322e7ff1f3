package dev.edgekit.lite

import dev.edgekit.core.format.DType
import dev.edgekit.core.format.InputException
import dev.edgekit.core.format.Json
import dev.edgekit.core.format.ModelException
import dev.edgekit.core.format.ModelPackage
import dev.edgekit.core.format.Reason
import dev.edgekit.core.format.Tensor
import dev.edgekit.core.format.generate
import dev.edgekit.core.run.RgbImage
import dev.edgekit.core.run.classify
import dev.edgekit.core.run.selfTest
import dev.edgekit.host.HostRuntime
import dev.edgekit.host.PackageEditor
import java.io.File
import javax.imageio.ImageIO
import kotlin.io.path.Path
import kotlin.test.Test
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertTrue
import org.junit.Assume.assumeTrue
import org.junit.Before
import org.junit.Rule
import org.junit.rules.TemporaryFolder

/** The production adapter on Android's own library. */
class LiteModelRuntimeTest {
    @get:Rule
    val folder = TemporaryFolder()
    private val inputs = File(property("edgekit.inputs"))
    private val file = inputs.resolve("model.ptl")
    private val model by lazy { ModelPackage.open(file) }

    @Before
    fun useAndroidsLibrary() {
        assumeTrue(HostRuntime.unsupportedReason().orEmpty(), HostRuntime.unsupportedReason() == null)
        check(file.isFile) { "no model at $file. Make it with: make android-test-inputs" }
        HostRuntime.install(Path(property("edgekit.jni")), Path("target/host"))
    }

    @Test
    fun selfTest_aGoodPackage_passes() {
        val report = LiteModelRuntime.load(file).use { selfTest(model, it) }
        assertTrue(report.passed, report.toJson())
        assertEquals(model.goldens.sumOf { it.outputs.size }, report.verdicts.size)
    }

    @Test
    fun classify_tenPhotographs_givesThePythonScores() {
        val fitted = ModelPackage.open(inputs.resolve("fitted.ptl"))
        val answers = Json.parse(inputs.resolve("fitted.json").readText(), "fitted.json")["results"].items()
        assertEquals(10, answers.map { it["labels"].items().first()["label"].text() }.toSet().size)
        LiteModelRuntime.load(fitted.file).use { runtime ->
            for (answer in answers) {
                val name = answer["file"].text()
                val expected = answer["labels"].items()
                val actual = classify(fitted, runtime, pixels(inputs.resolve(name)), count = expected.size)
                assertEquals(expected.first()["label"].text(), actual.first().label, name)
                expected.zip(actual).forEach { (e, a) -> assertEquals(e["score"].double(), a.score, 1e-5, name) }
            }
        }
    }

    /** Java decodes JPEG as libjpeg-turbo does. */
    private fun pixels(photo: File): Tensor {
        val image = ImageIO.read(photo)
        return RgbImage().convert(image.width, image.height) { y, row -> image.getRGB(0, y, image.width, 1, row, 0, image.width) }
    }

    @Test
    fun selfTest_alteredWeights_failByTheirNumbers() {
        val altered = PackageEditor.withAlteredWeights(file, folder.root.resolve("altered.ptl"))
        val report = LiteModelRuntime.load(altered).use { selfTest(ModelPackage.open(altered), it) }
        assertFalse(report.passed)
        assertTrue(report.firstFailure!!.comparison.reason in setOf(Reason.NORM, Reason.MAX, Reason.NONFINITE))
    }

    @Test
    fun extraFiles_areThePackagesTexts() {
        LiteModelRuntime.load(file).use { runtime ->
            assertContains(runtime.extraFiles.getValue("edgekit/manifest.json"), "\"schema_version\"")
            assertEquals(model.labels.size, runtime.extraFiles.getValue("edgekit/labels.txt").trim().lines().size)
        }
    }

    @Test
    fun run_unknownMethod_namesIt() {
        LiteModelRuntime.load(file).use { runtime ->
            assertContains(assertFailsWith<ModelException> { runtime.run("nope", emptyList()) }.message!!, "'nope'")
        }
    }

    @Test
    fun run_wrongShape_isAnErrorNotACrash() {
        LiteModelRuntime.load(file).use { runtime ->
            val tensor = Tensor.allocate(DType.FLOAT32, listOf(2, 2))
            assertFailsWith<ModelException> { runtime.run("forward", listOf(tensor)) }
            assertFailsWith<InputException> { model.requireManifest().method("forward").check(listOf(tensor)) }
        }
    }

    @Test
    fun run_boolInput_saysWhatToDo() {
        LiteModelRuntime.load(file).use { runtime ->
            val error = assertFailsWith<ModelException> { runtime.run("forward", listOf(Tensor.allocate(DType.BOOL, listOf(1)))) }
            assertContains(error.message!!, "uint8")
        }
    }

    @Test
    fun load_aFileThatIsNotAModel_isAnError() {
        val text = folder.newFile("model.ptl").apply { writeText("hello") }
        assertContains(assertFailsWith<ModelException> { LiteModelRuntime.load(text) }.message!!, "model.ptl")
        assertFailsWith<ModelException> { LiteModelRuntime.load(PackageEditor.truncated(file, text)) }
    }

    @Test
    fun load_weightsForAnotherQuantizedEngine_namesBothEngines() {
        fun packageFor(engine: String) =
            ModelPackage.open(PackageEditor.withQuantizedEngine(file, folder.root.resolve("$engine.ptl"), engine))
        LiteModelRuntime.load(packageFor("qnnpack")).close()
        val other = packageFor("fbgemm")
        assertEquals("fbgemm", other.manifest!!.quantizedEngine)
        val message = assertFailsWith<ModelException> { LiteModelRuntime.load(other) }.message!!
        assertContains(message, "quantized weights for the engine fbgemm; PyTorch for Android has qnnpack alone")
    }

    @Test
    fun run_withOneAndTwoThreads_givesTheSameAnswer() {
        LiteModelRuntime.load(file).use { runtime ->
            val inputs = model.goldens.first().inputs.map(::generate)
            val answers = (1..2).map { threads ->
                runtime.setThreads(threads)
                runtime.run(model.goldens.first().method, inputs)["0"].let { t -> List(t.size, t::double) }
            }
            assertEquals(answers[0], answers[1])
        }
    }

    @Test
    fun twoModels_liveSideBySide() {
        LiteModelRuntime.load(file).use { first ->
            LiteModelRuntime.load(file).use { second -> assertTrue(selfTest(model, second).passed) }
            assertTrue(selfTest(model, first).passed)
        }
    }

    @Test
    fun run_afterClose_isRefused() {
        val runtime = LiteModelRuntime.load(file)
        runtime.close()
        runtime.close()
        assertFailsWith<IllegalStateException> { runtime.run("forward", emptyList()) }
    }

    private companion object {
        fun property(name: String): String = checkNotNull(System.getProperty(name)) { "set -D$name" }
    }
}
