package dev.edgekit.core.run

import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith

class LatencyStatsTest {
    @Test
    fun of_knownSamples_givesKnownFigures() {
        val stats = LatencyStats.of((1..101).map { it.toDouble() }.shuffled())
        assertEquals(LatencyStats(iterations = 101, minMs = 1.0, p50Ms = 51.0, p90Ms = 91.0, p99Ms = 100.0, meanMs = 51.0), stats)
    }

    @Test
    fun of_betweenRanks_interpolates() = assertEquals(1.5, LatencyStats.of(listOf(1.0, 2.0)).p50Ms)

    @Test
    fun of_nothing_fails() {
        assertFailsWith<IllegalArgumentException> { LatencyStats.of(emptyList()) }
    }
}
