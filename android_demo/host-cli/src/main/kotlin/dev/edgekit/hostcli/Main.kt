package dev.edgekit.hostcli

import dev.edgekit.core.EdgekitException
import dev.edgekit.core.Json
import dev.edgekit.core.LatencyStats
import dev.edgekit.core.ModelPackage
import dev.edgekit.core.PackageException
import dev.edgekit.core.benchmark
import dev.edgekit.core.generate
import dev.edgekit.core.selfTest
import dev.edgekit.core.timed
import dev.edgekit.host.HostRuntime
import dev.edgekit.lite.LiteModelRuntime
import java.io.File
import kotlin.io.path.Path
import kotlin.system.exitProcess

// Android's own runtime as a process, for `edgekit verify --runtime android`:
//
//     java -cp 'lib/*' dev.edgekit.hostcli.MainKt selftest JNI_FOLDER CACHE_FOLDER X.ptl
//     java -cp 'lib/*' dev.edgekit.hostcli.MainKt bench JNI_FOLDER CACHE_FOLDER X.ptl THREADS ITERATIONS
//     java -cp 'lib/*' dev.edgekit.hostcli.MainKt prepare ABI_FOLDER CACHE_FOLDER C_COMPILER
//
// The last one fills the cache for another processor, whose Java need not find a compiler then.
// Prints one JSON document; errors go to stderr. The exit codes are edgekit's.

private const val EXIT_FAILED = 1
private const val EXIT_USAGE = 2
private const val EXIT_PACKAGE = 3
private const val EXIT_RUNTIME = 4

fun main(arguments: Array<String>) {
    // PyTorch's Java side keeps a thread that is no daemon, so returning would not end the process.
    exitProcess(run(arguments.toList()))
}

private fun run(arguments: List<String>): Int = try {
    when (arguments.firstOrNull()) {
        "selftest" -> selfTest(open(arguments))
        "bench" -> bench(open(arguments), threads = arguments[4].toInt(), iterations = arguments[5].toInt())
        "prepare" -> prepare(arguments)
        else -> fail(EXIT_USAGE, "expected selftest, bench or prepare, got ${arguments.firstOrNull()}")
    }
} catch (e: EdgekitException) {
    fail(EXIT_PACKAGE, e.message.orEmpty())
} catch (e: UnsupportedOperationException) {
    fail(EXIT_RUNTIME, e.message.orEmpty())
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

private fun bench(model: ModelPackage, threads: Int, iterations: Int): Int {
    val case = model.goldens.firstOrNull() ?: throw PackageException("${model.name} has no golden cases, so no input to run with")
    val (runtime, loadMs) = timed { LiteModelRuntime.load(model.file) }
    runtime.setThreads(threads)
    val (firstMs, stats) = benchmark(runtime, case.method, case.inputs.map(::generate), iterations)
    val results = listOf(result(loadMs, firstMs, threads, stats))
    println(Json.write(mapOf("schema_version" to "1.0", "context" to mapOf("model" to model.name), "results" to results)))
    return 0
}

private fun result(loadMs: Double, firstMs: Double, threads: Int, stats: LatencyStats) = mapOf(
    "engine" to "android",
    "threads" to threads,
    "iterations" to stats.iterations,
    "load_ms" to loadMs,
    "first_ms" to firstMs,
    "min_ms" to stats.minMs,
    "p50_ms" to stats.p50Ms,
    "p90_ms" to stats.p90Ms,
    "p99_ms" to stats.p99Ms,
    "mean_ms" to stats.meanMs,
    "peak_rss_bytes" to peakRssBytes(),
)

private fun peakRssBytes(): Long =
    File("/proc/self/status").readLines().first { it.startsWith("VmHWM:") }.filter { it.isDigit() }.toLong() * 1024

private fun fail(code: Int, message: String): Int {
    System.err.println(message)
    return code
}
