package dev.edgekit.core.ui

import dev.edgekit.core.format.Failure
import dev.edgekit.core.format.Problem
import dev.edgekit.core.run.LatencyStats
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertTrue

class UiStateTest {
    private val ready = ModelState.Ready(
        name = "m",
        source = "s",
        randomSeed = 0,
        areWeightsRandom = true,
        unproven = emptyList(),
        takesPictures = true,
        givesMasks = false,
        loadMs = 1.0,
    )
    private val failure = Failure(Problem.UNEXPECTED, "x")

    @Test
    fun reduce_anotherModel_forgetsTheOldOnesResults() {
        val stats = LatencyStats.of(listOf(1.0))
        val before = UiState(model = ready, photo = PhotoState.Shown(emptyList(), 1.0, stats), selfTest = SelfTestState.Failed(failure))
        val after = reduce(before, UiEvent.Model(ModelState.Broken(failure)))
        assertEquals(UiState(model = ModelState.Broken(failure)), after)
    }

    @Test
    fun reduce_choices_changeNothingElse() {
        val before = UiState(model = ready)
        assertEquals(before.copy(threads = 3), reduce(before, UiEvent.ThreadsChosen(3)))
        assertEquals(before.copy(screen = Screen.SELF_TEST), reduce(before, UiEvent.ScreenChosen(Screen.SELF_TEST)))
    }

    @Test
    fun isBusy_whileSomethingRuns() {
        assertTrue(UiState().isBusy)
        assertTrue(UiState(model = ready, benchmark = BenchmarkState.Running(1, 2)).isBusy)
        assertEquals(false, UiState(model = ready, benchmark = BenchmarkState.Failed(failure)).isBusy)
    }
}
