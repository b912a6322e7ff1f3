package dev.edgekit.core.ui

import dev.edgekit.core.format.Failure
import dev.edgekit.core.run.BenchmarkReport
import dev.edgekit.core.run.LatencyStats
import dev.edgekit.core.run.Prediction
import dev.edgekit.core.run.SelfTestReport

enum class Screen { PHOTO, BENCHMARK, SELF_TEST }

/** Everything that the app shows; the activity draws it and decides nothing. */
data class UiState(
    val screen: Screen = Screen.PHOTO,
    val threads: Int = 1,
    val model: ModelState = ModelState.Loading,
    val photo: PhotoState = PhotoState.None,
    val benchmark: BenchmarkState = BenchmarkState.Idle,
    val selfTest: SelfTestState = SelfTestState.Idle,
) {
    val isBusy: Boolean
        get() = model == ModelState.Loading || photo == PhotoState.Working ||
            benchmark is BenchmarkState.Running || selfTest is SelfTestState.Running
}

sealed interface ModelState {
    data object Loading : ModelState

    /**
     * @property unproven the outputs that a wrong model could give too
     * @property givesMasks whether it gives the class of each pixel of a photograph; else it gives labels
     */
    data class Ready(
        val name: String,
        val source: String,
        val randomSeed: Long?,
        val areWeightsRandom: Boolean,
        val unproven: List<String>,
        val takesPictures: Boolean,
        val givesMasks: Boolean,
        val loadMs: Double,
    ) : ModelState

    data class Broken(val failure: Failure) : ModelState
}

sealed interface PhotoState {
    data object None : PhotoState

    data object Working : PhotoState

    /**
     * @property predictions the most likely labels; or all classes of a mask, each with its share of the pixels
     * @property firstMs the model's first run after loading, perhaps on another photograph
     * @property latency of the runs on this photograph, without that first run; null before there are any
     */
    data class Shown(val predictions: List<Prediction>, val firstMs: Double, val latency: LatencyStats?) : PhotoState

    data class Failed(val failure: Failure) : PhotoState
}

sealed interface BenchmarkState {
    data object Idle : BenchmarkState

    data class Running(val done: Int, val of: Int) : BenchmarkState

    data class Done(val report: BenchmarkReport) : BenchmarkState

    data class Failed(val failure: Failure) : BenchmarkState
}

sealed interface SelfTestState {
    data object Idle : SelfTestState

    data class Running(val done: Int, val of: Int) : SelfTestState

    data class Done(val report: SelfTestReport) : SelfTestState

    data class Failed(val failure: Failure) : SelfTestState
}

/** Something that happened. */
sealed interface UiEvent {
    data class ScreenChosen(val screen: Screen) : UiEvent

    data class ThreadsChosen(val threads: Int) : UiEvent

    data class Model(val state: ModelState) : UiEvent

    data class Photo(val state: PhotoState) : UiEvent

    data class Benchmark(val state: BenchmarkState) : UiEvent

    data class SelfTest(val state: SelfTestState) : UiEvent
}

fun reduce(state: UiState, event: UiEvent): UiState = when (event) {
    is UiEvent.ScreenChosen -> state.copy(screen = event.screen)
    is UiEvent.ThreadsChosen -> state.copy(threads = event.threads)
    // Results belong to the model that gave them.
    is UiEvent.Model -> state.copy(
        model = event.state,
        photo = PhotoState.None,
        benchmark = BenchmarkState.Idle,
        selfTest = SelfTestState.Idle,
    )
    is UiEvent.Photo -> state.copy(photo = event.state)
    is UiEvent.Benchmark -> state.copy(benchmark = event.state)
    is UiEvent.SelfTest -> state.copy(selfTest = event.state)
}
