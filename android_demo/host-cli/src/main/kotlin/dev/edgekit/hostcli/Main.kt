package dev.edgekit.hostcli

import dev.edgekit.core.format.EdgekitException
import dev.edgekit.core.format.Json
import dev.edgekit.core.format.ModelPackage
import dev.edgekit.core.format.generate
import dev.edgekit.core.run.BenchmarkPlan
import dev.edgekit.core.run.LatencyStats
import dev.edgekit.core.run.Measured
import dev.edgekit.core.run.RgbImage
import dev.edgekit.core.run.benchmark
import dev.edgekit.core.run.classify
import dev.edgekit.core.run.defaultThreads
import dev.edgekit.core.run.selfTest
import dev.edgekit.core.run.timed
import dev.edgekit.host.HostRuntime
import dev.edgekit.lite.LiteModelRuntime
import java.io.File
import javax.imageio.ImageIO
import kotlin.io.path.Path
import kotlin.system.exitProcess

// Android's own runtime as a process, for `edgekit verify|bench --runtime android`:
//
//     java -cp 'lib/*' dev.edgekit.hostcli.MainKt selftest JNI_FOLDER CACHE_FOLDER X.ptl
//     java -cp 'lib/*' dev.edgekit.hostcli.MainKt bench JNI_FOLDER CACHE_FOLDER X.ptl METHOD THREADS ITERATIONS WARMUP MIN_SECONDS
//     java -cp 'lib/*' dev.edgekit.hostcli.MainKt classify JNI_FOLDER CACHE_FOLDER X.ptl TOPK PNG...
//     java -cp 'lib/*' dev.edgekit.hostcli.MainKt prepare ABI_FOLDER CACHE_FOLDER C_COMPILER
//
// THREADS 0 is the app's own choice. The last one fills the cache for another processor, whose Java need not find a compiler then.
// Prints one JSON document; errors go to stderr. The exit codes are edgekit's.

private const val EXIT_FAILED = 1
private const val EXIT_USAGE = 2
private const val EXIT_PACKAGE = 3
private const val EXIT_RUNTIME = 4
private const val EXIT_BUG = 70

fun main(arguments: Array<String>) {
    // PyTorch's Java side keeps a thread that is no daemon, so returning would not end the process.
    exitProcess(run(arguments.toList()))
}

private fun run(arguments: List<String>): Int = try {
    when (arguments.firstOrNull()) {
        "selftest" -> selfTest(open(arguments))
        "bench" -> bench(open(arguments), arguments.drop(4))
        "classify" -> classify(open(arguments), count = arguments[4].toInt(), photos = arguments.drop(5).map(::File))
        "prepare" -> prepare(arguments)
        else -> fail(EXIT_USAGE, "expected selftest, bench, classify or prepare, got ${arguments.firstOrNull()}")
    }
} catch (e: EdgekitException) {
    fail(EXIT_PACKAGE, e.message.orEmpty())
} catch (e: UnsupportedOperationException) {
    fail(EXIT_RUNTIME, e.message.orEmpty())
} catch (e: LinkageError) {
    fail(EXIT_RUNTIME, "Android's library does not load here: ${e.message}")
} catch (e: OutOfMemoryError) {
    fail(EXIT_RUNTIME, "the memory of this machine, or of its Java, does not suffice: ${e.message}")
} catch (e: Throwable) { // Anything that got out would leave the process hanging, by the thread that is no daemon.
    e.printStackTrace()
    fail(EXIT_BUG, "a bug of edgekit: $e")
}

private fun prepare(arguments: List<String>): Int {
    val (libraries, cache, compiler) = arguments.subList(1, 4)
    HostRuntime.prepare(Path(libraries), Path(cache), compiler)
    return 0
}

private fun open(arguments: List<String>): ModelPackage {
    val (jni, cache, file) = arguments.subList(1, 4)
    HostRuntime.install(Path(jni), Path(cache))
    return ModelPackage.open(File(file))
}

private fun selfTest(model: ModelPackage): Int {
    val report = LiteModelRuntime.load(model.file).use { selfTest(model, it) }
    println(report.toJson("android"))
    return if (report.passed) 0 else EXIT_FAILED
}

/** The app's way from pixels to labels; Java reads PNG files exactly, JPEG files by a library of its own. */
private fun classify(model: ModelPackage, count: Int, photos: List<File>): Int {
    val results = LiteModelRuntime.load(model.file).use { runtime ->
        photos.map { photo ->
            val image = ImageIO.read(photo)
            val pixels = RgbImage().convert(image.width, image.height) { y, row -> image.getRGB(0, y, image.width, 1, row, 0, image.width) }
            val labels = classify(model, runtime, pixels, count).map { mapOf("label" to it.label, "score" to it.score) }
            mapOf("file" to photo.name, "labels" to labels)
        }
    }
    println(Json.write(mapOf("schema_version" to "1.0", "context" to mapOf("model" to model.name), "results" to results)))
    return 0
}

private fun bench(model: ModelPackage, options: List<String>): Int {
    val (method, threads, iterations, warmup, minSeconds) = options
    val case = model.goldens.firstOrNull { it.method == method }
        ?: return fail(EXIT_USAGE, "${model.file.name} has no golden case for method '$method' to take inputs from")
    val (runtime, loadMs) = timed { LiteModelRuntime.load(model.file) }
    val poolSize = threads.toInt().takeIf { it > 0 } ?: defaultThreads()
    runtime.setThreads(poolSize)
    val plan = BenchmarkPlan(iterations.toInt(), warmup.toInt(), minSeconds.toDouble())
    val measured = benchmark(runtime, method, case.inputs.map(::generate), plan)
    val results = listOf(result(method, loadMs, measured, poolSize))
    println(Json.write(mapOf("schema_version" to "1.0", "context" to mapOf("model" to model.name), "results" to results)))
    return 0
}

private fun result(method: String, loadMs: Double, measured: Measured, threads: Int): Map<String, Any> {
    val stats = LatencyStats.of(measured.samplesMs)
    return mapOf(
        "method" to method,
        "load_ms" to loadMs,
        "first_ms" to measured.firstMs,
        "min_ms" to stats.minMs,
        "p50_ms" to stats.p50Ms,
        "p90_ms" to stats.p90Ms,
        "p99_ms" to stats.p99Ms,
        "mean_ms" to stats.meanMs,
        "iterations" to stats.iterations,
        "threads" to threads,
        "engine" to "android",
        "peak_rss_bytes" to peakRssBytes(),
        "samples_ms" to measured.samplesMs,
    )
}

private fun peakRssBytes(): Long =
    File("/proc/self/status").readLines().first { it.startsWith("VmHWM:") }.filter { it.isDigit() }.toLong() * 1024

/** The caller shows the last line. */
private fun fail(code: Int, message: String): Int {
    System.err.println(message.replace('\n', ' '))
    return code
}
