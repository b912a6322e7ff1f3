package dev.edgekit.demo

import android.graphics.Bitmap
import android.net.Uri
import android.os.Build
import android.util.Log
import dev.edgekit.core.BenchmarkPlan
import dev.edgekit.core.BenchmarkReport
import dev.edgekit.core.BenchmarkState
import dev.edgekit.core.EdgekitException
import dev.edgekit.core.GeneratedInput
import dev.edgekit.core.Json
import dev.edgekit.core.LatencyStats
import dev.edgekit.core.ModelLoader
import dev.edgekit.core.ModelPackage
import dev.edgekit.core.ModelRuntime
import dev.edgekit.core.ModelState
import dev.edgekit.core.PackageException
import dev.edgekit.core.PhotoState
import dev.edgekit.core.Screen
import dev.edgekit.core.SelfTestState
import dev.edgekit.core.UiEvent
import dev.edgekit.core.UiState
import dev.edgekit.core.benchmark
import dev.edgekit.core.classify
import dev.edgekit.core.defaultThreads
import dev.edgekit.core.generate
import dev.edgekit.core.reduce
import dev.edgekit.core.selfTest
import dev.edgekit.core.timed
import java.io.File
import java.io.IOException
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Job
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.asStateFlow
import kotlinx.coroutines.flow.update
import kotlinx.coroutines.launch

/**
 * Does what the user asks for, off the main thread, and publishes what came of it.
 *
 * @param worker runs one thing at a time, since a model does; the model is touched on it alone
 */
class DemoController(
    private val scope: CoroutineScope,
    private val worker: CoroutineDispatcher,
    private val loader: ModelLoader,
    private val models: ModelStore,
    private val photos: PhotoLoader,
) {
    private class Loaded(val model: ModelPackage, val runtime: ModelRuntime, val loadMs: Double)

    private val mutableState = MutableStateFlow(UiState(threads = defaultThreads()))
    val state: StateFlow<UiState> = mutableState.asStateFlow()

    /** The photograph behind [UiState.photo]. */
    @Volatile
    var picture: Bitmap? = null
        private set

    /** False in a process that was started anew, so that the activity has to restore what was open. */
    var hasStarted = false
        private set

    private var loaded: Loaded? = null

    fun show(screen: Screen) = emit(UiEvent.ScreenChosen(screen))

    fun openBundledModel(): Job = openModel { models.bundled() }

    fun openModel(uri: Uri): Job = openModel { models.imported(uri) }

    fun openPushedModel(name: String): Job = openModel { models.pushed(name) }

    private fun openModel(locate: () -> File): Job {
        hasStarted = true
        return work({ UiEvent.Model(ModelState.Broken(it)) }) { load(locate) }
    }

    private fun load(locate: () -> File) {
        emit(UiEvent.Model(ModelState.Loading))
        loaded?.runtime?.close()
        loaded = null
        val file = locate()
        val (result, loadMs) = timed {
            val model = ModelPackage.open(file)
            model to loader.load(file)
        }
        val (model, runtime) = result
        runtime.setThreads(state.value.threads)
        loaded = Loaded(model, runtime, loadMs)
        emit(UiEvent.Model(ready(model, loadMs)))
    }

    fun setThreads(count: Int): Job {
        emit(UiEvent.ThreadsChosen(count))
        return scope.launch(worker) { loaded?.runtime?.setThreads(count) }
    }

    fun showPhoto(uri: Uri): Job = work({ UiEvent.Photo(PhotoState.Failed(it)) }) {
        emit(UiEvent.Photo(PhotoState.Working))
        val (model, runtime) = requireModel()
        val resize = model.requireManifest().resize ?: throw PackageException("${model.name} does not classify photographs.")
        val bitmap = photos.load(uri, resize)
        picture = bitmap
        val image = photos.toTensor(bitmap)
        val samples = ArrayList<Double>()
        repeat(PHOTO_RUNS) {
            val (predictions, ms) = timed { classify(model, runtime, image, TOP_K) }
            samples += ms
            emit(UiEvent.Photo(PhotoState.Shown(predictions, samples.first(), LatencyStats.of(samples))))
        }
    }

    fun runBenchmark(): Job = work({ UiEvent.Benchmark(BenchmarkState.Failed(it)) }) {
        val (model, runtime) = requireModel()
        val case = model.goldens.firstOrNull { it.method == "forward" }
            ?: throw PackageException("${model.name} names no input to run with. Export it with edgekit.")
        val measured = benchmark(runtime, case.method, case.inputs.map(::generate), BenchmarkPlan(BENCHMARK_RUNS)) { done, of ->
            emit(UiEvent.Benchmark(BenchmarkState.Running(done, of)))
        }
        val stats = LatencyStats.of(measured.samplesMs)
        val report = BenchmarkReport(loaded!!.loadMs, measured.firstMs, state.value.threads, stats)
        emit(UiEvent.Benchmark(BenchmarkState.Done(report)))
    }

    /** @param writeTo gets the verdict document, or the error, when the test is over; until then there is no such file */
    fun runSelfTest(writeTo: File? = null): Job {
        writeTo?.delete()
        return work({ message ->
            writeTo?.publish(Json.write(mapOf("schema_version" to "1.0", "error" to message)))
            UiEvent.SelfTest(SelfTestState.Failed(message))
        }) {
            val (model, runtime) = requireModel()
            val report = selfTest(model, runtime, deviceContext()) { done, of ->
                emit(UiEvent.SelfTest(SelfTestState.Running(done, of)))
            }
            writeTo?.publish(report.toJson(RUNTIME_NAME))
            emit(UiEvent.SelfTest(SelfTestState.Done(report)))
        }
    }

    /** Whole or not at all, as somebody may be waiting for it; a full disk costs the file, not the verdict on the screen. */
    private fun File.publish(text: String) {
        val partial = File(path + ".part")
        try {
            partial.writeText(text)
            partial.renameTo(this)
        } catch (e: IOException) {
            Log.e(LOG_TAG, "$name cannot be written", e)
            partial.delete()
        }
    }

    private fun requireModel(): Pair<ModelPackage, ModelRuntime> {
        val loaded = loaded ?: throw PackageException((state.value.model as? ModelState.Broken)?.message ?: "no model is loaded. Open one first.")
        return loaded.model to loaded.runtime
    }

    private fun work(failed: (String) -> UiEvent, block: suspend () -> Unit): Job = scope.launch(worker) {
        try {
            block()
        } catch (e: EdgekitException) {
            emit(failed(e.message.orEmpty()))
        }
    }

    private fun emit(event: UiEvent) = mutableState.update { reduce(it, event) }

    private fun deviceContext() = mapOf(
        "device" to "${Build.MANUFACTURER} ${Build.MODEL}",
        "android" to Build.VERSION.RELEASE,
        "abi" to Build.SUPPORTED_ABIS.firstOrNull().orEmpty(),
        "threads" to state.value.threads.toString(),
    )

    companion object {
        const val RUNTIME_NAME = "android"
        private const val LOG_TAG = "edgekit"
        val maxThreads: Int get() = Runtime.getRuntime().availableProcessors()
        private const val TOP_K = 5
        private const val PHOTO_RUNS = 10
        private const val BENCHMARK_RUNS = 50

        private fun ready(model: ModelPackage, loadMs: Double) = ModelState.Ready(
            name = model.name,
            source = model.manifest?.source.orEmpty(),
            randomSeed = model.manifest?.weights?.seed,
            areWeightsRandom = model.manifest?.weights?.areRandom == true,
            loadMs = loadMs,
        )
    }
}
