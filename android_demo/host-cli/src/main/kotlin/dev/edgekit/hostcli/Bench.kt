package dev.edgekit.hostcli

import dev.edgekit.core.format.Document
import dev.edgekit.core.format.ModelPackage
import dev.edgekit.core.run.BenchmarkPlan
import dev.edgekit.core.run.LatencyStats
import dev.edgekit.core.run.Measured
import dev.edgekit.core.run.benchmark
import dev.edgekit.core.run.defaultThreads
import dev.edgekit.core.run.timed
import java.io.File

private const val DEFAULT_ITERATIONS = 50
private const val DEFAULT_WARMUP = 3

internal fun bench(model: ModelPackage, options: Options): Int {
    val method = options.text("--method") ?: "forward"
    val case = model.goldens.firstOrNull { it.method == method }
        ?: throw UsageException("${model.file.name} has no golden case for method '$method' to take inputs from.")
    val plan = BenchmarkPlan(
        iterations = options.int("--iterations", least = 1) ?: DEFAULT_ITERATIONS,
        warmup = options.int("--warmup", least = 0) ?: DEFAULT_WARMUP,
        minSeconds = options.seconds("--min-seconds") ?: 0.0,
    )
    val threads = options.int("--threads", least = 1) ?: defaultThreads()
    val inputs = model.requireManifest().method(method).inputsOf(case)
    val (runtime, loadMs) = timed { load(model) }
    val measured = runtime.use {
        it.setThreads(threads)
        benchmark(it, method, inputs, plan)
    }
    println(Document.write(context(model), listOf(row(method, loadMs, measured, threads))))
    return EXIT_PASS
}

private fun row(method: String, loadMs: Double, measured: Measured, threads: Int): Map<String, Any> {
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
        "engine" to RUNTIME_NAME,
        "peak_rss_bytes" to peakRssBytes(),
        "samples_ms" to measured.samplesMs,
    )
}

private fun peakRssBytes(): Long =
    File("/proc/self/status").readLines().first { it.startsWith("VmHWM:") }.filter { it.isDigit() }.toLong() * 1024
