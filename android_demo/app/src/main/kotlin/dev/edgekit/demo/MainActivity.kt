package dev.edgekit.demo

import android.app.Activity
import android.content.ActivityNotFoundException
import android.content.Intent
import android.net.Uri
import android.os.Build
import android.os.Bundle
import android.os.Parcelable
import android.provider.MediaStore
import android.view.View
import android.view.WindowInsets
import android.widget.RadioGroup
import android.widget.SeekBar
import android.widget.TextView
import android.widget.Toast
import dev.edgekit.core.ui.ModelState
import dev.edgekit.core.ui.Screen
import dev.edgekit.core.ui.SelfTestState
import dev.edgekit.core.ui.UiState
import java.io.File
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.MainScope
import kotlinx.coroutines.cancel
import kotlinx.coroutines.launch

/** Draws the state, and turns taps and intents into calls of the controller. */
class MainActivity : Activity() {
    private lateinit var scope: CoroutineScope
    private lateinit var photoScreen: PhotoScreen
    private lateinit var benchmarkScreen: BenchmarkScreen
    private lateinit var selfTestScreen: SelfTestScreen
    private val controller get() = (application as DemoApp).controller

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        setContentView(R.layout.main)
        findViewById<View>(R.id.root).setOnApplyWindowInsetsListener(::keepClearOfBars)
        photoScreen = PhotoScreen(findViewById(R.id.photo_screen))
        benchmarkScreen = BenchmarkScreen(findViewById(R.id.benchmark_screen))
        selfTestScreen = SelfTestScreen(findViewById(R.id.self_test_screen))
        listen()
        if (savedInstanceState == null) obey(intent) else if (!controller.hasStarted) restore(savedInstanceState)
        scope = MainScope()
        scope.launch { controller.state.collect(::render) }
    }

    override fun onNewIntent(intent: Intent) {
        super.onNewIntent(intent)
        setIntent(intent)
        obey(intent)
    }

    override fun onSaveInstanceState(outState: Bundle) {
        super.onSaveInstanceState(outState)
        outState.putString(KEY_MODEL, controller.source.toString())
        outState.putParcelable(KEY_PHOTO, controller.photo)
        outState.putString(KEY_SCREEN, controller.state.value.screen.name)
        controller.chosenThreads?.let { outState.putInt(KEY_THREADS, it) }
    }

    override fun onDestroy() {
        scope.cancel()
        super.onDestroy()
    }

    /** Carries out an intent; the controller keeps the order of the work. */
    private fun obey(intent: Intent) {
        val pushed = intent.read { getString(EXTRA_MODEL) }
        if (pushed == null) controller.ensureModel() else controller.open(ModelSource.Pushed(pushed))
        if (intent.action == Intent.ACTION_SEND) intent.read { uri(Intent.EXTRA_STREAM) }?.let(::show)
        if (intent.read { getBoolean(EXTRA_SELF_TEST) } == true) {
            controller.show(Screen.SELF_TEST)
            controller.runSelfTest(writeTo = File(getExternalFilesDir(null), SELF_TEST_FILE))
        }
    }

    /** Opens again what was open when the process was killed. */
    private fun restore(saved: Bundle) {
        saved.getInt(KEY_THREADS).takeIf { it > 0 }?.let(controller::setThreads)
        controller.open(ModelSource.of(saved.getString(KEY_MODEL)))
        saved.uri(KEY_PHOTO)?.let { controller.showPhoto(it) }
        saved.getString(KEY_SCREEN)?.let { controller.show(Screen.valueOf(it)) }
    }

    private fun listen() {
        findViewById<View>(R.id.choose_photo).setOnClickListener { pick("image/*", REQUEST_PHOTO) }
        findViewById<View>(R.id.take_photo).setOnClickListener { takePhoto() }
        findViewById<View>(R.id.open_model).setOnClickListener { pick("*/*", REQUEST_MODEL) }
        findViewById<View>(R.id.run_benchmark).setOnClickListener { controller.runBenchmark() }
        findViewById<View>(R.id.run_self_test).setOnClickListener {
            if (controller.state.value.selfTest !is SelfTestState.Running) controller.runSelfTest()
        }
        findViewById<View>(R.id.share_self_test).setOnClickListener { shareSelfTest() }
        // Listens to clicks, because restoring and rendering check a tab too.
        TABS.forEach { (id, screen) -> findViewById<View>(id).setOnClickListener { controller.show(screen) } }
        findViewById<SeekBar>(R.id.threads).apply {
            max = DemoController.maxThreads - 1
            setOnSeekBarChangeListener(ThreadsListener { controller.setThreads(it + 1) })
        }
    }

    private fun render(state: UiState) {
        renderModel(state)
        findViewById<RadioGroup>(R.id.tabs).check(TABS.entries.single { it.value == state.screen }.key)
        findViewById<View>(R.id.photo_screen).showIf(state.screen == Screen.PHOTO)
        findViewById<View>(R.id.benchmark_screen).showIf(state.screen == Screen.BENCHMARK)
        findViewById<View>(R.id.self_test_screen).showIf(state.screen == Screen.SELF_TEST)
        findViewById<View>(R.id.threads_row).showIf(state.screen != Screen.SELF_TEST)
        renderThreads(state.threads)
        photoScreen.render(state, controller.picture)
        benchmarkScreen.render(state)
        selfTestScreen.render(state)
    }

    private fun renderThreads(threads: Int) {
        val text = resources.getQuantityString(R.plurals.threads, threads, threads)
        findViewById<TextView>(R.id.threads_value).text = text
        findViewById<SeekBar>(R.id.threads).apply {
            progress = threads - 1
            if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.R) stateDescription = text // Otherwise a screen reader says a percentage.
        }
    }

    private fun renderModel(state: UiState) {
        val model = state.model
        findViewById<TextView>(R.id.model_name).text = when (model) {
            ModelState.Loading -> getString(R.string.model_loading)
            is ModelState.Ready -> model.name
            is ModelState.Broken -> getString(R.string.model_broken)
        }
        findViewById<TextView>(R.id.model_source).apply {
            text = (model as? ModelState.Ready)?.source
            showIf(!text.isNullOrEmpty())
        }
        findViewById<TextView>(R.id.random_weights).apply {
            val ready = model as? ModelState.Ready
            showIf(ready?.areWeightsRandom == true)
            text = getString(R.string.random_weights, ready?.randomSeed ?: 0)
        }
        findViewById<TextView>(R.id.unproven).apply {
            val outputs = (model as? ModelState.Ready)?.unproven.orEmpty()
            showIf(outputs.isNotEmpty())
            text = getString(R.string.unproven, outputs.joinToString())
        }
        findViewById<TextView>(R.id.model_error).showFailure((model as? ModelState.Broken)?.failure)
    }

    private fun pick(type: String, request: Int) = launch(
        Intent(Intent.ACTION_OPEN_DOCUMENT).addCategory(Intent.CATEGORY_OPENABLE).setType(type),
        request,
    )

    private fun takePhoto() {
        CaptureProvider.clear(this)
        val capture = Intent(MediaStore.ACTION_IMAGE_CAPTURE)
            .putExtra(MediaStore.EXTRA_OUTPUT, CaptureProvider.uri(this))
            .addFlags(Intent.FLAG_GRANT_WRITE_URI_PERMISSION or Intent.FLAG_GRANT_READ_URI_PERMISSION)
        launch(capture, REQUEST_CAPTURE)
    }

    private fun launch(intent: Intent, request: Int) = try {
        startActivityForResult(intent, request)
    } catch (_: ActivityNotFoundException) {
        Toast.makeText(this, R.string.no_app, Toast.LENGTH_LONG).show()
    }

    override fun onActivityResult(requestCode: Int, resultCode: Int, data: Intent?) {
        super.onActivityResult(requestCode, resultCode, data)
        if (resultCode != RESULT_OK) return
        when (requestCode) {
            REQUEST_MODEL -> data?.data?.let { controller.import(it) }
            REQUEST_PHOTO -> data?.data?.let(::show)
            REQUEST_CAPTURE -> show(CaptureProvider.uri(this))
        }
    }

    private fun show(photo: Uri) {
        controller.show(Screen.PHOTO)
        controller.showPhoto(photo)
    }

    private fun shareSelfTest() {
        val report = (controller.state.value.selfTest as? SelfTestState.Done)?.report ?: return
        val send = Intent(Intent.ACTION_SEND)
            .setType("application/json")
            .putExtra(Intent.EXTRA_SUBJECT, getString(R.string.self_test_subject, report.modelName))
            .putExtra(Intent.EXTRA_TEXT, report.toJson())
        startActivity(Intent.createChooser(send, null))
    }

    private class ThreadsListener(private val changed: (Int) -> Unit) : SeekBar.OnSeekBarChangeListener {
        override fun onProgressChanged(bar: SeekBar, progress: Int, fromUser: Boolean) {
            if (fromUser) changed(progress)
        }

        override fun onStartTrackingTouch(bar: SeekBar) = Unit

        override fun onStopTrackingTouch(bar: SeekBar) = Unit
    }

    companion object {
        /** `--ez selftest true` runs the self-test and writes [SELF_TEST_FILE] into the app's external folder. */
        const val EXTRA_SELF_TEST = "selftest"

        /** `--es model x.ptl` opens that file of the app's external folder instead of the bundled model. */
        const val EXTRA_MODEL = "model"
        const val SELF_TEST_FILE = "selftest.json"
        private const val KEY_MODEL = "model"
        private const val KEY_PHOTO = "photo"
        private const val KEY_SCREEN = "screen"
        private const val KEY_THREADS = "threads"
        private const val REQUEST_PHOTO = 1
        private const val REQUEST_MODEL = 2
        private const val REQUEST_CAPTURE = 3
        private val TABS = mapOf(
            R.id.tab_photo to Screen.PHOTO,
            R.id.tab_benchmark to Screen.BENCHMARK,
            R.id.tab_self_test to Screen.SELF_TEST,
        )

        /** Any app may send an intent whose extras this app cannot read. */
        private fun <T> Intent.read(extra: Bundle.() -> T): T? = try {
            extras?.extra()
        } catch (_: RuntimeException) {
            null
        }

        /** The call that checks the type exists since Android 13. */
        @Suppress("DEPRECATION") // as above
        private fun Bundle.uri(key: String): Uri? = getParcelable<Parcelable>(key) as? Uri

        /** Since Android 15 an app draws behind the system's bars and the camera's cutout, so the content gets a padding. */
        private fun keepClearOfBars(view: View, insets: WindowInsets): WindowInsets {
            if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.R) {
                val bars = insets.getInsets(WindowInsets.Type.systemBars() or WindowInsets.Type.displayCutout())
                view.setPadding(bars.left, bars.top, bars.right, bars.bottom)
            } else {
                @Suppress("DEPRECATION") // the types of insets exist since Android 11
                view.setPadding(
                    insets.systemWindowInsetLeft,
                    insets.systemWindowInsetTop,
                    insets.systemWindowInsetRight,
                    insets.systemWindowInsetBottom,
                )
            }
            return insets
        }
    }
}
