package dev.edgekit.demo

import dev.edgekit.core.format.Compared
import dev.edgekit.core.format.Failure
import dev.edgekit.core.format.Json
import dev.edgekit.core.format.Outputs
import dev.edgekit.core.format.Problem
import dev.edgekit.core.format.PublicKey
import dev.edgekit.core.format.Tensor
import dev.edgekit.core.run.ModelLoader
import dev.edgekit.core.run.ModelRuntime
import dev.edgekit.core.ui.BenchmarkState
import dev.edgekit.core.ui.ModelState
import dev.edgekit.core.ui.PhotoState
import dev.edgekit.core.ui.SelfTestState
import dev.edgekit.core.ui.reduce
import dev.edgekit.host.PackageEditor
import dev.edgekit.lite.LiteModelRuntime
import java.io.ByteArrayInputStream
import java.io.File
import java.io.IOException
import java.io.InputStream
import kotlin.test.Test
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.test.assertIs
import kotlin.test.assertNull
import kotlin.test.assertTrue
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.runBlocking

/** With any input, the app says what is wrong and goes on. */
class HostileInputTest : AppTest() {
    @Test
    fun open_goldenCasesOfImpossibleSize_isAnError() {
        launch()
        for (shape in listOf("[65536, 65536]", "[-1]", "[268435456, 8]")) {
            assertContains(refused(golden { it.replaceFirst(Regex("\"shape\":\\s*\\[[^]]*]"), "\"shape\": $shape") }).detail, "shape")
        }
    }

    @Test
    fun selfTest_anInputThatNoBufferHolds_isAFailureOfTheCase() {
        val input = Regex("\"dtype\": *\"float32\", *\"shape\":\\s*\\[[^]]*]")
        launchPushed(golden { it.replaceFirst(input, "\"dtype\": \"float64\", \"shape\": [268435456]") })
        val verdict = assertIs<SelfTestState.Done>(state.selfTest).report.verdicts.first()
        assertContains(assertIs<Compared.Text>(verdict.comparison.actual).text, "2147483648 bytes")
        controller.runBenchmark()
        await { it.benchmark is BenchmarkState.Failed }
    }

    @Test
    fun open_aToleranceOfNan_isAnError() {
        launch()
        val bound = Regex("\"tolerance\":\\s*\\{\\s*\"norm\":\\s*[0-9.e-]+")
        val file = PackageEditor.withManifest(model, pushed()) { it.replaceFirst(bound, "\"tolerance\": {\"norm\": \"nan\"") }
        assertContains(refused(file).detail, "tolerance norm is NaN")
    }

    @Test
    fun photo_onAModelWhosePredictIsAnother_isAnError() {
        launch()
        val file = PackageEditor.withManifest(model, pushed()) { text ->
            text.replace(Regex("\"shape\":\\s*\\[\\s*1000\\s*]")) { "\"shape\": [7]" }
        }
        controller.open(ModelSource.Pushed(file.name))
        controller.showPhoto(photo("flower0.jpg"))
        await { it.photo is PhotoState.Failed }
        assertEquals(Problem.MODEL, assertIs<PhotoState.Failed>(state.photo).failure.problem)
    }

    @Test
    fun open_whenNativeCodeFails_isAnError() {
        val failures = mapOf(
            UnsatisfiedLinkError("dlopen failed") to Problem.UNEXPECTED,
            OutOfMemoryError("native") to Problem.MEMORY,
            IllegalStateException("odd") to Problem.UNEXPECTED,
        )
        for ((error, problem) in failures) {
            val state = runBlocking { controllerOn(this, loader = { throw error }).also { it.open(ModelSource.Bundled) } }.state.value
            assertEquals(problem, assertIs<ModelState.Broken>(state.model).failure.problem)
        }
    }

    @Test
    fun run_whenMemoryRunsOut_isAnErrorEverywhere() {
        val states = runBlocking {
            controllerOn(this, loader = { model -> OutOfMemory(LiteModelRuntime.load(model)) }).apply {
                open(ModelSource.Bundled)
                showPhoto(photo("flower0.jpg"))
                runBenchmark()
            }
        }.state.value
        assertEquals(Problem.MEMORY, assertIs<PhotoState.Failed>(states.photo).failure.problem)
    }

    /** Native code that asks for more than there is. */
    private class OutOfMemory(private val runtime: ModelRuntime) : ModelRuntime by runtime {
        override fun run(method: String, inputs: List<Tensor>): Outputs = throw OutOfMemoryError("native")
    }

    private fun controllerOn(scope: CoroutineScope, loader: ModelLoader, models: ModelStore = ModelStore(app)) =
        DemoController(scope, Dispatchers.Default.limitedParallelism(1), loader, models, PhotoLoader(app.contentResolver))

    @Test
    fun open_aModelWithoutTheSignatureThatTheAppWants_isAnError() {
        val document = Json.parse(conformance.resolve("signatures.json").readText(), "signatures.json")
        val models = ModelStore(app, PublicKey.parse(document["public_key"].text()))
        val state = runBlocking {
            controllerOn(this, loader = { LiteModelRuntime.load(it) }, models).apply { open(ModelSource.Bundled) }
        }.state.value
        assertContains(assertIs<ModelState.Broken>(state.model).failure.detail, "is not signed")
    }

    @Test
    fun import_fromAProviderThatThrows_saysToChooseAgain() {
        launch()
        assertEquals(Problem.FILE_UNREADABLE, importOf { throw IllegalArgumentException("no such row") })
        assertEquals(Problem.FILE_UNREADABLE, importOf { throw SecurityException("not yours") })
        assertEquals(Problem.FILE_UNREADABLE, importOf { breakingOff(IOException("the network went away")) })
        assertEquals(Problem.FILE_UNREADABLE, importOf { breakingOff(IllegalStateException("cursor is closed")) })
    }

    private fun importOf(stream: () -> InputStream): Problem {
        val job = controller.import(failing("model.ptl", stream))
        await(job)
        return assertIs<ModelState.Broken>(state.model).failure.problem
    }

    @Test
    fun photo_fromAProviderThatThrows_isAnErrorWithoutThePhotoBefore() {
        val activity = launch()
        controller.showPhoto(photo("flower0.jpg"))
        shown()
        val job = controller.showPhoto(failing("gone.jpg") { throw IllegalArgumentException("no such row") })
        await(job)
        assertEquals(Problem.PHOTO_UNREADABLE, assertIs<PhotoState.Failed>(state.photo).failure.problem)
        assertNull(controller.picture)
        assertTrue(activity.isVisible(R.id.photo_error))
    }

    @Test
    fun photo_thatBreaksOff_isAnError() {
        launch()
        val job = controller.showPhoto(failing("broken.jpg") { breakingOff(IllegalStateException("cursor is closed")) })
        await(job)
        assertIs<PhotoState.Failed>(state.photo)
    }

    private fun breakingOff(error: Exception): InputStream = object : ByteArrayInputStream(ByteArray(16)) {
        override fun read(bytes: ByteArray, offset: Int, length: Int): Int =
            super.read(bytes, offset, length).let { if (it < 0) throw error else it }
    }

    private fun golden(edit: (String) -> String): File =
        PackageEditor.withText(model, pushed(), "extra/edgekit/golden.json") { old -> edit(old).also { check(it != old) } }

    private fun refused(file: File): Failure {
        val job = controller.open(ModelSource.Pushed(file.name))
        await(job)
        return assertIs<ModelState.Broken>(state.model).failure
    }
}
