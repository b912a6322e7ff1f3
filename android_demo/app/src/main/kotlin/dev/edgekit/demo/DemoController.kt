package dev.edgekit.demo

import android.graphics.Bitmap
import android.net.Uri
import android.os.Build
import android.util.Log
import dev.edgekit.core.format.EdgekitException
import dev.edgekit.core.format.Failure
import dev.edgekit.core.format.Document
import dev.edgekit.core.format.Manifest
import dev.edgekit.core.format.ModelPackage
import dev.edgekit.core.format.PackageException
import dev.edgekit.core.format.Problem
import dev.edgekit.core.run.BenchmarkPlan
import dev.edgekit.core.run.BenchmarkReport
import dev.edgekit.core.run.FirstRunTimer
import dev.edgekit.core.run.LatencyStats
import dev.edgekit.core.run.ModelLoader
import dev.edgekit.core.run.Prediction
import dev.edgekit.core.run.benchmark
import dev.edgekit.core.run.classesIn
import dev.edgekit.core.run.classify
import dev.edgekit.core.run.defaultThreads
import dev.edgekit.core.run.segment
import dev.edgekit.core.run.selfTest
import dev.edgekit.core.run.timed
import dev.edgekit.core.ui.BenchmarkState
import dev.edgekit.core.ui.ModelState
import dev.edgekit.core.ui.PhotoState
import dev.edgekit.core.ui.Screen
import dev.edgekit.core.ui.SelfTestState
import dev.edgekit.core.ui.UiEvent
import dev.edgekit.core.ui.UiState
import dev.edgekit.core.ui.reduce
import java.io.File
import java.io.IOException
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Job
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.asStateFlow
import kotlinx.coroutines.flow.update
import kotlinx.coroutines.launch

/**
 * Does the user's work off the main thread, and publishes the state that results.
 *
 * @param worker runs one job at a time, as a model does; only its jobs use the model
 */
class DemoController(
    private val scope: CoroutineScope,
    private val worker: CoroutineDispatcher,
    private val loader: ModelLoader,
    private val models: ModelStore,
    private val photos: PhotoLoader,
) {
    private class Loaded(val model: ModelPackage, val runtime: FirstRunTimer, val loadMs: Double) {
        /** The size of the thread pool; null before the first run. */
        var threads: Int? = null
    }

    private val mutableState = MutableStateFlow(UiState(threads = defaultThreads()))
    val state: StateFlow<UiState> = mutableState.asStateFlow()

    /** The photograph behind [UiState.photo], with its mask over it where there is one, and where it came from. */
    @Volatile
    var picture: Bitmap? = null
        private set

    @Volatile
    var photo: Uri? = null
        private set

    /** The last model that was opened without an error. */
    @Volatile
    var source: ModelSource = ModelSource.Bundled
        private set

    /** The user's choice; with null the model's manifest or the device decides. */
    @Volatile
    var chosenThreads: Int? = null
        private set

    /** False in a new process, where the activity has to restore what was open. */
    var hasStarted = false
        private set

    private var loaded: Loaded? = null

    fun show(screen: Screen) = emit(UiEvent.ScreenChosen(screen))

    /** Opens the last model, where none is open. */
    fun ensureModel() {
        if (!hasStarted || state.value.model is ModelState.Broken) open(source)
    }

    fun open(source: ModelSource): Job = open(source, locate = { models.find(source) })

    /** Opens a document; only a model that loads replaces the one that was imported before. */
    fun import(uri: Uri): Job = open(ModelSource.Imported, locate = { models.fetch(uri) }, keep = models::keepFetched)

    private fun open(source: ModelSource, locate: () -> File, keep: () -> Unit = {}): Job {
        hasStarted = true
        return work({ UiEvent.Model(ModelState.Broken(it)) }) {
            forget()
            val opened = load(locate())
            keep()
            loaded = opened
            this.source = source
            emit(UiEvent.ThreadsChosen(chosenThreads ?: threadsFor(opened.model)))
            emit(UiEvent.Model(ready(opened.model, opened.loadMs)))
        }
    }

    private fun forget() {
        picture = null
        photo = null
        emit(UiEvent.Model(ModelState.Loading))
        loaded?.runtime?.close()
        loaded = null
    }

    private fun load(file: File): Loaded {
        val (result, loadMs) = timed {
            val model = ModelPackage.open(file, models.publicKey())
            model to loader.load(model)
        }
        return Loaded(result.first, FirstRunTimer(result.second), loadMs)
    }

    fun setThreads(count: Int) {
        chosenThreads = count
        emit(UiEvent.ThreadsChosen(count))
    }

    fun showPhoto(uri: Uri): Job = work({ UiEvent.Photo(PhotoState.Failed(it)) }) {
        picture = null
        photo = uri
        emit(UiEvent.Photo(PhotoState.Working))
        val loaded = requireModel()
        val model = loaded.model
        val manifest = model.manifest?.takeIf { it.takesPictures }
            ?: throw PackageException("${model.name} gives neither labels nor a mask for a photograph.", problem = Problem.NO_PICTURES)
        val mask = manifest.task == Manifest.MASK
        val bitmap = photos.load(uri, checkNotNull(manifest.resize), mask)
        val image = photos.toTensor(bitmap)
        val shown = photos.forScreen(bitmap)
        picture = shown
        if (mask) {
            runRepeatedly(loaded, { segment(model, loaded.runtime, image) }) { found ->
                if (picture === shown) picture = photos.overlay(image, found) // All runs give the same mask.
                classesIn(found, model.labels)
            }
        } else {
            runRepeatedly(loaded, { classify(model, loaded.runtime, image, TOP_K) }) { it }
        }
    }

    /** Runs a model on a photograph, and shows what [read] finds in each answer; only [run] is timed. */
    private fun <T> runRepeatedly(loaded: Loaded, run: () -> T, read: (T) -> List<Prediction>) {
        val runtime = loaded.runtime
        fun show(answer: T, latency: LatencyStats?) =
            emit(UiEvent.Photo(PhotoState.Shown(read(answer), checkNotNull(runtime.firstMs), latency)))
        if (runtime.firstMs == null) show(run(), latency = null)
        val samples = ArrayList<Double>()
        repeat(PHOTO_RUNS) {
            val (answer, ms) = timed(run)
            samples += ms
            show(answer, LatencyStats.of(samples))
        }
    }

    /** Does nothing while one is running. */
    fun runBenchmark() {
        if (state.value.benchmark is BenchmarkState.Running) return
        emit(UiEvent.Benchmark(BenchmarkState.Running(0, BENCHMARK_RUNS)))
        work({ UiEvent.Benchmark(BenchmarkState.Failed(it)) }) {
            val loaded = requireModel()
            val model = loaded.model
            val case = model.goldens.firstOrNull { it.method == "forward" }
                ?: throw PackageException("${model.name} has no recorded input for a benchmark. Export it with edgekit.", problem = Problem.NO_INPUTS)
            val inputs = model.requireManifest().method(case.method).inputsOf(case)
            val measured = benchmark(loaded.runtime, case.method, inputs, BenchmarkPlan(BENCHMARK_RUNS)) { done, of ->
                emit(UiEvent.Benchmark(BenchmarkState.Running(done, of)))
            }
            val firstMs = checkNotNull(loaded.runtime.firstMs) // The model's first run, which may have been another job's.
            val report = BenchmarkReport(loaded.loadMs, firstMs, checkNotNull(loaded.threads), LatencyStats.of(measured.samplesMs))
            emit(UiEvent.Benchmark(BenchmarkState.Done(report)))
        }
    }

    /** @param writeTo receives the verdict document, or the error, at the end of the test; an older file is deleted first */
    fun runSelfTest(writeTo: File? = null): Job {
        writeTo?.delete()
        emit(UiEvent.SelfTest(SelfTestState.Running(0, 1)))
        return work({ failure ->
            writeTo?.publish(Document.writeError(failure.detail))
            UiEvent.SelfTest(SelfTestState.Failed(failure))
        }) {
            val loaded = requireModel()
            val report = selfTest(loaded.model, loaded.runtime, deviceContext(loaded)) { done, of ->
                emit(UiEvent.SelfTest(SelfTestState.Running(done, of)))
            }
            writeTo?.publish(report.toJson())
            emit(UiEvent.SelfTest(SelfTestState.Done(report)))
        }
    }

    /** Writes the whole file or nothing, because another program may wait for it. On a full disk the screen still shows the verdict. */
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

    /** The model, with the number of threads that the slider has now; it stays the same until the work is done. */
    private fun requireModel(): Loaded {
        val loaded = loaded ?: throw noModel((state.value.model as? ModelState.Broken)?.failure)
        val threads = state.value.threads
        if (loaded.threads != threads) loaded.runtime.setThreads(threads)
        loaded.threads = threads
        return loaded
    }

    private fun noModel(failure: Failure?) =
        PackageException(failure?.detail ?: "no model is loaded. Open one first.", problem = failure?.problem ?: Problem.NO_MODEL)

    /** Files and photographs come from anywhere, so every error is shown, and ends the work but not the app. */
    private fun work(failed: (Failure) -> UiEvent, block: suspend () -> Unit): Job = scope.launch(worker) {
        try {
            block()
        } catch (e: CancellationException) {
            throw e
        } catch (e: Exception) {
            emit(failed(logged(e)))
        } catch (e: OutOfMemoryError) {
            emit(failed(logged(e)))
        } catch (e: LinkageError) { // The native library does not load.
            emit(failed(logged(e)))
        }
    }

    private fun logged(error: Throwable): Failure {
        if (error !is EdgekitException) Log.e(LOG_TAG, "unexpected", error)
        return Failure.of(error)
    }

    private fun emit(event: UiEvent) = mutableState.update { reduce(it, event) }

    private fun deviceContext(loaded: Loaded) = mapOf(
        "runtime" to RUNTIME_NAME,
        "device" to "${Build.MANUFACTURER} ${Build.MODEL}",
        "android" to Build.VERSION.RELEASE,
        "abi" to Build.SUPPORTED_ABIS.firstOrNull().orEmpty(),
        "threads" to loaded.threads.toString(),
    )

    companion object {
        private const val RUNTIME_NAME = "android"
        private const val LOG_TAG = "edgekit"
        val maxThreads: Int get() = Runtime.getRuntime().availableProcessors()
        private const val TOP_K = 5
        private const val PHOTO_RUNS = 10
        private const val BENCHMARK_RUNS = 50

        private fun threadsFor(model: ModelPackage) = model.manifest?.threads?.coerceIn(1, maxThreads) ?: defaultThreads()

        private fun ready(model: ModelPackage, loadMs: Double) = ModelState.Ready(
            name = model.name,
            source = model.manifest?.source.orEmpty(),
            randomSeed = model.manifest?.weights?.seed,
            areWeightsRandom = model.manifest?.weights?.areRandom == true,
            unproven = model.manifest?.unproven.orEmpty(),
            takesPictures = model.manifest?.takesPictures == true,
            givesMasks = model.manifest?.task == Manifest.MASK,
            loadMs = loadMs,
        )
    }
}
