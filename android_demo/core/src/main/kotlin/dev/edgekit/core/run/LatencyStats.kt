package dev.edgekit.core.run

import dev.edgekit.core.format.Tensor
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

/**
 * @property firstMs the first run after loading, which prepares weights and is slower
 * @property threads how many the runs had
 */
data class BenchmarkReport(val loadMs: Double, val firstMs: Double, val threads: Int, val stats: LatencyStats)

/** At least [iterations] runs that count and [minSeconds] of them, after [warmup] that do not. */
data class BenchmarkPlan(val iterations: Int, val warmup: Int = 3, val minSeconds: Double = 0.0)

/** @property samplesMs the runs that count, in their order */
data class Measured(val firstMs: Double, val samplesMs: List<Double>)

/** Runs a method on one input: the first run apart, then a warm-up, then the runs that count. */
fun benchmark(
    runtime: ModelRuntime,
    method: String,
    inputs: List<Tensor>,
    plan: BenchmarkPlan,
    progress: (done: Int, of: Int) -> Unit = { _, _ -> },
): Measured {
    fun run() = timed { runtime.run(method, inputs) }.second
    val firstMs = run()
    repeat(plan.warmup) { run() }
    val samples = ArrayList<Double>()
    val start = System.nanoTime()
    while (samples.size < plan.iterations || (System.nanoTime() - start) / 1e9 < plan.minSeconds) {
        progress(samples.size, plan.iterations)
        samples += run()
    }
    progress(samples.size, plan.iterations)
    return Measured(firstMs, samples)
}

/** What a block returns, and how many milliseconds it took. */
inline fun <T> timed(block: () -> T): Pair<T, Double> {
    val start = System.nanoTime()
    val result = block()
    return result to (System.nanoTime() - start) / 1e6
}
