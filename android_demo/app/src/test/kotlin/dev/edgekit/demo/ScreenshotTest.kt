package dev.edgekit.demo

import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.graphics.Color
import android.os.Handler
import android.os.Looper
import android.view.PixelCopy
import dev.edgekit.core.ui.BenchmarkState
import dev.edgekit.core.ui.Screen
import dev.edgekit.core.ui.SelfTestState
import dev.edgekit.host.PackageEditor
import java.io.File
import kotlin.math.abs
import kotlin.math.max
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertTrue
import org.junit.Before
import org.robolectric.RuntimeEnvironment
import org.robolectric.android.controller.ActivityController

/**
 * The look of the app, compared with the committed pictures.
 *
 * `mvn -Dscreenshots.update=true` writes new ones. Latencies differ from run to run, so a small part of the pixels may.
 */
class ScreenshotTest : AppTest() {
    /** Real weights: its labels mean something, and there is no banner. */
    private val pretrained = inputs.resolve("efficientnet_lite0.ptl")

    @Before
    fun drawAsHardwareDoes() {
        System.setProperty("robolectric.pixelCopyRenderMode", "hardware")
    }

    @Test
    fun photo_light() = assertLooksLike("photo-light", classified())

    @Test
    fun photo_dark() {
        RuntimeEnvironment.setQualifiers("+night")
        assertLooksLike("photo-dark", classified())
    }

    @Test
    fun photo_landscape() {
        RuntimeEnvironment.setQualifiers("w860dp-h400dp-land-hdpi")
        assertLooksLike("photo-landscape", classified())
    }

    @Test
    fun photo_germanWithLargeFont() {
        RuntimeEnvironment.setQualifiers("+de")
        RuntimeEnvironment.setFontScale(1.5f)
        assertLooksLike("photo-german-large", classified())
    }

    @Test
    fun mask_light() = assertLooksLike("mask-light", segmented())

    @Test
    fun mask_dark() {
        RuntimeEnvironment.setQualifiers("+night")
        assertLooksLike("mask-dark", segmented())
    }

    @Test
    fun empty_light() = assertLooksLike("empty-light", launchPretrained())

    @Test
    fun benchmark_light() {
        val activity = launchPretrained()
        controller.show(Screen.BENCHMARK)
        controller.runBenchmark()
        await { it.benchmark is BenchmarkState.Done }
        assertLooksLike("benchmark-light", activity)
    }

    @Test
    fun selfTest_pass() {
        val activity = launchPretrained()
        controller.show(Screen.SELF_TEST)
        controller.runSelfTest()
        await { it.selfTest is SelfTestState.Done }
        assertLooksLike("self-test-pass", activity)
    }

    @Test
    fun selfTest_failDark() {
        RuntimeEnvironment.setQualifiers("+night")
        assertLooksLike("self-test-fail-dark", launchPushed(PackageEditor.withAlteredWeights(pretrained, pushed())))
    }

    @Test
    fun selfTest_unproven() =
        assertLooksLike("self-test-unproven", launchPushed(PackageEditor.withUnprovenOutput(pretrained, pushed())))

    @Test
    fun brokenModel() = assertLooksLike("broken-model", launchPushed(PackageEditor.withWrongDigest(pretrained, pushed())))

    @Test
    fun difference_ofLightAndDark_isSeen() {
        val light = BitmapFactory.decodeFile(committed("photo-light").path)
        val dark = BitmapFactory.decodeFile(committed("photo-dark").path)
        assertTrue(differingPart(light, light) == 0.0)
        assertTrue(differingPart(light, dark) > 10 * TOLERATED_PART)
    }

    private fun classified(): ActivityController<MainActivity> = launchPretrained().also {
        controller.showPhoto(photo("china0.jpg"))
        shown()
    }

    private fun segmented(): ActivityController<MainActivity> = launch().also {
        await(controller.import(content(segmenter)))
        controller.showPhoto(photo("china0.jpg"))
        shown()
    }

    private fun launchPretrained(): ActivityController<MainActivity> = launch().also { await(controller.import(content(pretrained))) }

    private fun assertLooksLike(name: String, activity: ActivityController<MainActivity>) {
        val actual = activity.screenshot()
        val file = committed(name)
        if (System.getProperty("edgekit.screenshots.update") == "true") {
            file.parentFile.mkdirs()
            file.outputStream().use { actual.compress(Bitmap.CompressFormat.PNG, 100, it) }
        }
        val part = differingPart(BitmapFactory.decodeFile(file.path), actual)
        if (part > TOLERATED_PART) File("target/$name.png").outputStream().use { actual.compress(Bitmap.CompressFormat.PNG, 100, it) }
        assertTrue(part <= TOLERATED_PART, "%s differs in %.1f %% of its pixels; see target/%s.png".format(name, 100 * part, name))
    }

    /** As the device's compositor would draw it: outlines clip, and elevation has shadows. */
    private fun ActivityController<MainActivity>.screenshot(): Bitmap {
        val size = draw() // It is laid out now.
        val result = Bitmap.createBitmap(size.width, size.height, Bitmap.Config.ARGB_8888)
        PixelCopy.request(get().window, result, { assertEquals(PixelCopy.SUCCESS, it) }, Handler(Looper.getMainLooper()))
        await { true }
        return result
    }

    private fun differingPart(expected: Bitmap, actual: Bitmap): Double {
        if (expected.width != actual.width || expected.height != actual.height) return 1.0
        val count = expected.width * expected.height
        val a = IntArray(count).also { expected.getPixels(it, 0, expected.width, 0, 0, expected.width, expected.height) }
        val b = IntArray(count).also { actual.getPixels(it, 0, actual.width, 0, 0, actual.width, actual.height) }
        return a.indices.count { levels(a[it], b[it]) > TOLERATED_LEVELS } / count.toDouble()
    }

    private fun levels(a: Int, b: Int) =
        max(abs(Color.red(a) - Color.red(b)), max(abs(Color.green(a) - Color.green(b)), abs(Color.blue(a) - Color.blue(b))))

    private fun committed(name: String) = File(property("edgekit.screenshots"), "$name.png")

    private companion object {
        const val TOLERATED_PART = 0.02
        const val TOLERATED_LEVELS = 24
    }
}
