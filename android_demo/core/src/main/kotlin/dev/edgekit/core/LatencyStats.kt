package dev.edgekit.core

import kotlin.math.floor

/** Latencies of runs in the steady state, in milliseconds, with the definitions of `edgekit bench`. */
data class LatencyStats(val iterations: Int, val minMs: Double, val p50Ms: Double, val p90Ms: Double, val p99Ms: Double, val meanMs: Double) {
    companion object {
        fun of(samplesMs: List<Double>): LatencyStats {
            require(samplesMs.isNotEmpty()) { "no samples" }
            val sorted = samplesMs.sorted()
            return LatencyStats(
                iterations = sorted.size,
                minMs = sorted.first(),
                p50Ms = percentile(sorted, 50),
                p90Ms = percentile(sorted, 90),
                p99Ms = percentile(sorted, 99),
                meanMs = sorted.average(),
            )
        }

        /** Linear between the two nearest ranks, as numpy's default. */
        private fun percentile(sorted: List<Double>, percent: Int): Double {
            val rank = (sorted.size - 1) * percent / 100.0
            val below = floor(rank).toInt()
            val above = minOf(below + 1, sorted.lastIndex)
            return sorted[below] + (sorted[above] - sorted[below]) * (rank - below)
        }
    }
}

/** @property firstMs the first run after loading, which prepares weights and is slower */
data class BenchmarkReport(val loadMs: Double, val firstMs: Double, val threads: Int, val stats: LatencyStats)

/** Runs a method on one input: the first run apart, then a warm-up, then [iterations] that count. */
fun benchmark(
    runtime: ModelRuntime,
    method: String,
    inputs: List<Tensor>,
    iterations: Int,
    progress: (done: Int, of: Int) -> Unit = { _, _ -> },
): Pair<Double, LatencyStats> {
    fun run() = timed { runtime.run(method, inputs) }.second
    val firstMs = run()
    repeat(WARM_UP_RUNS) { run() }
    val samples = List(iterations) { done ->
        progress(done, iterations)
        run()
    }
    progress(iterations, iterations)
    return firstMs to LatencyStats.of(samples)
}

/** What a block returns, and how many milliseconds it took. */
inline fun <T> timed(block: () -> T): Pair<T, Double> {
    val start = System.nanoTime()
    val result = block()
    return result to (System.nanoTime() - start) / 1e6
}

private const val WARM_UP_RUNS = 3
