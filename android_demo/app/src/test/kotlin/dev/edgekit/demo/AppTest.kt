package dev.edgekit.demo

import android.app.Activity
import android.app.Application
import android.content.Intent
import android.graphics.Bitmap
import android.graphics.Canvas
import android.net.Uri
import android.os.Bundle
import android.os.Looper
import android.view.View
import android.widget.TextView
import dev.edgekit.core.ui.ModelState
import dev.edgekit.core.ui.PhotoState
import dev.edgekit.core.ui.SelfTestState
import dev.edgekit.core.ui.UiState
import dev.edgekit.host.HostRuntime
import dev.edgekit.host.PackageEditor
import java.io.File
import java.io.InputStream
import kotlin.io.path.Path
import kotlin.test.assertIs
import kotlin.test.fail
import kotlinx.coroutines.Job
import org.junit.Assume.assumeTrue
import org.junit.Before
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.android.controller.ActivityController
import org.robolectric.annotation.GraphicsMode

/** The app on Robolectric's Android, with Android's own PyTorch library behind it. */
@RunWith(RobolectricTestRunner::class)
@GraphicsMode(GraphicsMode.Mode.NATIVE)
abstract class AppTest {
    protected val app: Application get() = RuntimeEnvironment.getApplication()
    protected val controller: DemoController get() = (app as DemoApp).controller
    protected val state: UiState get() = controller.state.value
    protected val inputs = File(property("edgekit.inputs"))
    protected val model = inputs.resolve("model.ptl")
    protected val segmenter = inputs.resolve("segmenter.ptl")
    protected val conformance = File(property("edgekit.conformance"))

    @Before
    fun useAndroidsLibrary() {
        assumeTrue(HostRuntime.unsupportedReason().orEmpty(), HostRuntime.unsupportedReason() == null)
        check(model.isFile) { "no model at $model. Make it with: make android-test-inputs" }
        HostRuntime.install(Path(property("edgekit.jni")), Path("target/host"))
    }

    protected fun launch(): ActivityController<MainActivity> =
        Robolectric.buildActivity(MainActivity::class.java).setup().also { awaitModel() }

    protected fun awaitModel() = await { it.model != ModelState.Loading && !it.isBusy }

    /** Lets the main thread and the worker run until the state is as wanted. */
    protected fun await(what: (UiState) -> Boolean) {
        val end = System.nanoTime() + 180_000_000_000 // a busy machine is slow; this ends a test that hangs
        while (true) {
            shadowOf(Looper.getMainLooper()).idle()
            if (what(state)) break
            if (System.nanoTime() > end) fail("waited three minutes; the state is $state")
            Thread.sleep(5)
        }
        repeat(2) { // the worker sets the state before it posts what the main thread has to draw
            Thread.sleep(5)
            shadowOf(Looper.getMainLooper()).idle()
        }
    }

    /** Waits for the work, because the state may be the expected one before the work begins. */
    protected fun await(job: Job) = await { job.isCompleted }

    /** A photograph behind a content URI, as from a document picker. */
    protected fun photo(name: String): Uri = content(inputs.resolve(name))

    protected fun content(file: File): Uri = Uri.parse("content://test.documents/${file.name}").also { uri ->
        shadowOf(app.contentResolver).registerInputStreamSupplier(uri) { file.inputStream() }
    }

    protected fun shown(): PhotoState.Shown {
        await { it.photo is PhotoState.Failed || ((it.photo as? PhotoState.Shown)?.latency?.iterations == 10) }
        return assertIs<PhotoState.Shown>(state.photo)
    }

    /** A content URI of another app's provider that fails. */
    protected fun failing(name: String, stream: () -> InputStream): Uri = Uri.parse("content://test.documents/$name").also { uri ->
        shadowOf(app.contentResolver).registerInputStreamSupplier(uri) { stream() }
    }

    /** A tap, and the answer of the app that the tap starts. */
    protected fun ActivityController<MainActivity>.pick(button: Int, uri: Uri) {
        get().findViewById<View>(button).performClick()
        shadowOf(get()).receiveResult(shadowOf(get()).nextStartedActivityForResult.intent, Activity.RESULT_OK, Intent().setData(uri))
    }

    /** A new process has a new application without any state. */
    protected fun ActivityController<MainActivity>.killAndRestore(): ActivityController<MainActivity> {
        val saved = Bundle()
        saveInstanceState(saved).pause().stop().destroy()
        app.onCreate()
        return Robolectric.buildActivity(MainActivity::class.java).setup(saved).also { awaitModel() }
    }

    /** The model under another name. */
    protected fun named(name: String, target: File): File =
        PackageEditor.withManifest(model, target) { it.replaceFirst(Regex("\"name\": *\"[^\"]*\""), "\"name\": \"$name\"") }

    protected val modelName: String? get() = (state.model as? ModelState.Ready)?.name

    /** Where `adb push` would put a model. */
    protected fun pushed() = File(app.getExternalFilesDir(null), "pushed.ptl")

    /** What `adb shell am start` asks for. */
    protected fun askForSelfTest(file: File): Intent =
        Intent().putExtra(MainActivity.EXTRA_MODEL, file.name).putExtra(MainActivity.EXTRA_SELF_TEST, true)

    protected fun launchPushed(file: File): ActivityController<MainActivity> =
        Robolectric.buildActivity(MainActivity::class.java, askForSelfTest(file)).setup().also { awaitSelfTest() }

    protected fun awaitSelfTest() = await { it.selfTest is SelfTestState.Done || it.selfTest is SelfTestState.Failed }

    protected fun ActivityController<MainActivity>.draw(): Bitmap {
        val view = get().window.decorView
        val metrics = view.resources.displayMetrics
        view.measure(
            View.MeasureSpec.makeMeasureSpec(metrics.widthPixels, View.MeasureSpec.EXACTLY),
            View.MeasureSpec.makeMeasureSpec(metrics.heightPixels, View.MeasureSpec.EXACTLY),
        )
        view.layout(0, 0, metrics.widthPixels, metrics.heightPixels)
        return Bitmap.createBitmap(metrics.widthPixels, metrics.heightPixels, Bitmap.Config.ARGB_8888).also { view.draw(Canvas(it)) }
    }

    protected fun ActivityController<MainActivity>.text(id: Int): String = get().findViewById<TextView>(id).text.toString()

    protected fun ActivityController<MainActivity>.isVisible(id: Int) = get().findViewById<View>(id).visibility == View.VISIBLE

    protected companion object {
        fun property(name: String): String = checkNotNull(System.getProperty(name)) { "set -D$name" }
    }
}
