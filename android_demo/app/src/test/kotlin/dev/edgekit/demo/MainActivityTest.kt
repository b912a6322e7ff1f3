package dev.edgekit.demo

import android.app.Activity
import android.content.Intent
import android.provider.MediaStore
import android.view.View
import dev.edgekit.core.format.Json
import dev.edgekit.core.run.defaultThreads
import dev.edgekit.core.ui.BenchmarkState
import dev.edgekit.core.ui.ModelState
import dev.edgekit.core.ui.PhotoState
import dev.edgekit.core.ui.Screen
import dev.edgekit.core.ui.SelfTestState
import dev.edgekit.host.PackageEditor
import java.io.File
import java.io.FileNotFoundException
import kotlin.test.Test
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertIs
import kotlin.test.assertTrue
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.launch
import org.robolectric.Robolectric
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf

class MainActivityTest : AppTest() {
    @Test
    fun launch_withTheBundledModel_namesIt() {
        val activity = launch()
        assertEquals(assertIs<ModelState.Ready>(state.model).name, activity.text(R.id.model_name))
        assertTrue(activity.isVisible(R.id.random_weights))
        assertContains(activity.text(R.id.random_weights), "RANDOM WEIGHTS")
    }

    @Test
    fun choosePhoto_fromThePicker_showsFiveLabels() {
        val activity = launch()
        activity.pick(R.id.choose_photo, photo(PHOTO))
        val predictions = shown().predictions
        assertEquals(5, predictions.size)
        assertEquals(predictions.sortedByDescending { it.score }, predictions)
        assertTrue(activity.isVisible(R.id.results_card))
    }

    @Test
    fun takePhoto_withTheCamera_readsWhatItWrote() {
        File(app.cacheDir, "capture.jpg").writeText("old")
        val activity = launch()
        activity.get().findViewById<View>(R.id.take_photo).performClick()
        val asked = shadowOf(activity.get()).nextStartedActivityForResult
        assertEquals(MediaStore.ACTION_IMAGE_CAPTURE, asked.intent.action)
        val uri = CaptureProvider.uri(app)
        assertFailsWith<FileNotFoundException> { app.contentResolver.openInputStream(uri) } // The last one is gone.
        app.contentResolver.openOutputStream(uri)!!.use { camera -> inputs.resolve(PHOTO).inputStream().use { it.copyTo(camera) } }
        shadowOf(activity.get()).receiveResult(asked.intent, Activity.RESULT_OK, null)
        assertEquals(5, shown().predictions.size)
    }

    @Test
    fun sharedPhoto_isClassified() {
        val send = Intent(Intent.ACTION_SEND).setType("image/jpeg").putExtra(Intent.EXTRA_STREAM, photo(PHOTO))
        Robolectric.buildActivity(MainActivity::class.java, send).setup()
        awaitModel()
        assertEquals(5, shown().predictions.size)
    }

    @Test
    fun sharedPhoto_whileAnotherTabIsOpen_switchesToPhoto() {
        val activity = launch()
        controller.show(Screen.SELF_TEST)
        activity.newIntent(Intent(Intent.ACTION_SEND).putExtra(Intent.EXTRA_STREAM, photo(PHOTO)))
        shown()
        assertEquals(Screen.PHOTO, state.screen)
        assertTrue(activity.isVisible(R.id.photo_screen))
    }

    @Test
    fun sharedThing_thatIsNoUri_isIgnored() {
        val activity = launch()
        activity.newIntent(Intent(Intent.ACTION_SEND).putExtra(Intent.EXTRA_STREAM, Intent("of another type")))
        awaitModel()
        assertEquals(PhotoState.None, state.photo)
    }

    @Test
    fun secondPhoto_hasTheModelsFirstRunStill() {
        launch()
        controller.showPhoto(photo(PHOTO))
        val first = shown()
        controller.showPhoto(photo("china0.jpg"))
        await { it.photo == PhotoState.Working || (it.photo as? PhotoState.Shown)?.predictions != first.predictions }
        assertEquals(first.firstMs, shown().firstMs)
        controller.runBenchmark()
        await { it.benchmark is BenchmarkState.Done }
        assertEquals(first.firstMs, assertIs<BenchmarkState.Done>(state.benchmark).report.firstMs)
    }

    @Test
    fun rotate_keepsModelAndResult() {
        val activity = launch()
        controller.showPhoto(photo(PHOTO))
        val before = shown()
        RuntimeEnvironment.setQualifiers("+land")
        activity.recreate()
        await { true }
        assertEquals(before, state.photo)
        assertEquals(before.predictions.first().label, activity.text(R.id.label))
    }

    @Test
    fun processDeath_restoresScreenThreadsAndPhoto() {
        val activity = launch()
        activity.newIntent(Intent(Intent.ACTION_SEND).putExtra(Intent.EXTRA_STREAM, photo(PHOTO)))
        val before = shown().predictions
        controller.setThreads(1)
        controller.show(Screen.BENCHMARK)
        assertTrue(1 < defaultThreads()) // Or it proves nothing.
        activity.killAndRestore()
        await { it.photo is PhotoState.Shown }
        assertEquals(before.map { it.index }, shown().predictions.map { it.index })
        assertEquals(Screen.BENCHMARK, state.screen)
        assertEquals(1, state.threads)
    }

    @Test
    fun damagedPhoto_showsTheReason() {
        val activity = launch()
        controller.showPhoto(content(conformance.resolve("images/empty.jpg")))
        await { it.photo is PhotoState.Failed }
        assertTrue(activity.isVisible(R.id.photo_error))
        assertContains(activity.text(R.id.photo_error), "Choose a JPEG or PNG file")
    }

    @Test
    fun transparentPhoto_isDrawnAsTheModelSeesIt() {
        val activity = launch()
        controller.showPhoto(content(conformance.resolve("images/png_rgba8.png")))
        shown()
        activity.draw() // A canvas refuses bitmaps whose colours are not multiplied with their alpha.
    }

    @Test
    fun benchmark_reportsAllFigures() {
        val activity = launch()
        controller.show(Screen.BENCHMARK)
        await { true }
        activity.get().findViewById<View>(R.id.run_benchmark).performClick()
        await { it.benchmark is BenchmarkState.Done }
        val report = assertIs<BenchmarkState.Done>(state.benchmark).report
        assertEquals(50, report.stats.iterations)
        assertTrue(report.stats.minMs <= report.stats.p50Ms && report.stats.p50Ms <= report.stats.p90Ms)
        assertTrue(report.loadMs > 0)
    }

    @Test
    fun benchmark_tappedTwice_runsOnceAndSaysSoAtOnce() {
        val activity = launch()
        val reports = HashSet<BenchmarkState>()
        val listening = onBenchmark { if (it is BenchmarkState.Done) reports += it }
        repeat(2) { activity.get().findViewById<View>(R.id.run_benchmark).performClick() }
        assertEquals(BenchmarkState.Running(0, 50), state.benchmark)
        val afterwards = controller.showPhoto(photo(PHOTO))
        await(afterwards)
        listening.cancel()
        assertEquals(1, reports.size)
    }

    @Test
    fun benchmark_whileTheSliderMoves_reportsTheThreadsThatItHad() {
        launch()
        controller.setThreads(1)
        val listening = onBenchmark { if (it is BenchmarkState.Running && it.done > 0) controller.setThreads(2) }
        controller.runBenchmark()
        await { it.benchmark is BenchmarkState.Done }
        listening.cancel()
        assertEquals(1, assertIs<BenchmarkState.Done>(state.benchmark).report.threads)
        assertEquals(2, state.threads)
    }

    /** Sees what the worker publishes as it does so; waiting for a state may come too late. */
    private fun onBenchmark(action: (BenchmarkState) -> Unit) =
        CoroutineScope(Dispatchers.Unconfined).launch { controller.state.collect { action(it.benchmark) } }

    @Test
    fun selfTest_ofAGoodPackage_passesAndCanBeShared() {
        val activity = launch()
        activity.get().findViewById<View>(R.id.run_self_test).performClick()
        await { it.selfTest is SelfTestState.Done }
        assertEquals("PASS", activity.text(R.id.verdict))
        activity.get().findViewById<View>(R.id.share_self_test).performClick()
        val send = shadowOf(activity.get()).nextStartedActivity.getParcelableExtra(Intent.EXTRA_INTENT, Intent::class.java)!!
        val document = Json.parse(send.getStringExtra(Intent.EXTRA_TEXT)!!, "shared")
        assertTrue(document["context"]["passed"].boolean())
    }

    @Test
    fun selfTest_ofAlteredWeights_failsAndNamesTheCase() {
        val activity = launchPushed(PackageEditor.withAlteredWeights(model, pushed()))
        val report = assertIs<SelfTestState.Done>(state.selfTest).report
        assertFalse(report.passed)
        assertEquals("FAIL", activity.text(R.id.verdict))
        assertContains(activity.text(R.id.verdict_detail), report.firstFailure!!.case)
        assertFalse(Json.parse(written().readText(), "written")["context"]["passed"].boolean())
    }

    @Test
    fun selfTest_ofAnUnprovenOutput_saysUnprovenAndNamesIt() {
        val activity = launchPushed(PackageEditor.withUnprovenOutput(model, pushed()))
        assertEquals("UNPROVEN", activity.text(R.id.verdict))
        assertContains(activity.text(R.id.verdict_detail), "forward: 0")
        assertTrue(activity.isVisible(R.id.unproven))
        assertContains(activity.text(R.id.unproven), "UNPROVEN: forward: 0.")
        val context = Json.parse(written().readText(), "written")["context"]
        assertFalse(context["passed"].boolean())
        assertEquals(listOf("forward: 0"), context["unproven"].items().map { it.text() })
    }

    @Test
    fun selfTest_ofAnotherQuantizedEngine_isRefusedByName() {
        val activity = launchPushed(PackageEditor.withQuantizedEngine(model, pushed(), "fbgemm"))
        assertContains(activity.text(R.id.model_error), "the engine fbgemm; PyTorch for Android has qnnpack alone")
    }

    @Test
    fun selfTest_ofAWrongDigest_isAnError() {
        val activity = launchPushed(PackageEditor.withWrongDigest(model, pushed()))
        assertIs<SelfTestState.Failed>(state.selfTest)
        assertTrue(activity.isVisible(R.id.model_error))
        assertContains(activity.text(R.id.model_error), "sha256")
        assertFalse(activity.isVisible(R.id.self_test_error)) // Once is enough.
        assertContains(Json.parse(written().readText(), "written")["error"].text(), "sha256")
    }

    @Test
    fun selfTest_ofATruncatedFile_isAnError() {
        val activity = launchPushed(PackageEditor.truncated(model, pushed()))
        assertIs<ModelState.Broken>(state.model)
        assertIs<SelfTestState.Failed>(state.selfTest)
        assertContains(activity.text(R.id.model_error), "cut short")
    }

    @Test
    fun selfTest_byIntent_isOfThePushedModelAndNotOfTheOneChosenBefore() {
        val activity = launch()
        activity.pick(R.id.open_model, content(model))
        awaitModel()
        activity.newIntent(askForSelfTest(PackageEditor.withAlteredWeights(model, pushed())))
        awaitSelfTest()
        assertEquals("FAIL", activity.text(R.id.verdict))
    }

    @Test
    fun selfTest_byIntent_takesTheOldVerdictAwayFirst() {
        launch()
        written().writeText("old")
        controller.runSelfTest(writeTo = written())
        assertFalse(written().exists()) // Or a crash would leave another model's verdict to be pulled.
        awaitSelfTest()
        assertTrue(written().exists())
    }

    @Test
    fun german_isSpoken() {
        RuntimeEnvironment.setQualifiers("+de")
        val activity = launch()
        assertContains(activity.text(R.id.random_weights), "ZUFALLSGEWICHTE")
        controller.showPhoto(content(conformance.resolve("images/empty.jpg")))
        await { it.photo is PhotoState.Failed }
        assertContains(activity.text(R.id.photo_error), "Wähle eine JPEG- oder PNG-Datei")
    }

    private fun written() = File(app.getExternalFilesDir(null), MainActivity.SELF_TEST_FILE)

    private companion object {
        const val PHOTO = "flower0.jpg"
    }
}
