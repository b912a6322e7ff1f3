package dev.edgekit.demo

import android.content.res.ColorStateList
import android.graphics.Bitmap
import android.graphics.Color
import android.view.LayoutInflater
import android.view.View
import android.view.ViewGroup
import android.widget.ImageView
import android.widget.ProgressBar
import android.widget.TextView
import dev.edgekit.core.format.Compared
import dev.edgekit.core.format.Failure
import dev.edgekit.core.format.Json
import dev.edgekit.core.format.Problem
import dev.edgekit.core.run.Prediction
import dev.edgekit.core.run.SelfTestReport
import dev.edgekit.core.run.Verdict
import dev.edgekit.core.run.classColour
import dev.edgekit.core.ui.BenchmarkState
import dev.edgekit.core.ui.ModelState
import dev.edgekit.core.ui.PhotoState
import dev.edgekit.core.ui.SelfTestState
import dev.edgekit.core.ui.UiState

internal fun View.showIf(visible: Boolean) {
    visibility = if (visible) View.VISIBLE else View.GONE
}

/** Shows an error, unless it is shown [above] already. */
internal fun TextView.showFailure(failure: Failure?, above: ModelState? = null) {
    text = failure?.let { context.getString(wording(it.problem), it.detail) }
    showIf(failure != null && failure != (above as? ModelState.Broken)?.failure)
}

private fun wording(problem: Problem): Int = when (problem) {
    Problem.PACKAGE -> R.string.problem_package
    Problem.MODEL -> R.string.problem_model
    Problem.NO_MODEL -> R.string.problem_no_model
    Problem.APP_WITHOUT_MODEL -> R.string.problem_app_without_model
    Problem.FILE_UNREADABLE -> R.string.problem_file_unreadable
    Problem.STORAGE -> R.string.problem_storage
    Problem.NO_PICTURES -> R.string.problem_no_pictures
    Problem.NO_INPUTS -> R.string.problem_no_inputs
    Problem.PHOTO_UNREADABLE -> R.string.problem_photo_unreadable
    Problem.PHOTO_FORMAT -> R.string.problem_photo_format
    Problem.PHOTO_DAMAGED -> R.string.problem_photo_damaged
    Problem.PHOTO_TOO_LARGE -> R.string.problem_photo_too_large
    Problem.MEMORY -> R.string.problem_memory
    Problem.UNEXPECTED -> R.string.problem_unexpected
}

/** Gives a container exactly [count] rows, and reuses those that it has. */
private fun ViewGroup.rows(count: Int, layout: Int): List<View> {
    while (childCount > count) removeViewAt(childCount - 1)
    while (childCount < count) LayoutInflater.from(context).inflate(layout, this, true)
    return List(count, ::getChildAt)
}

private fun ViewGroup.renderFigures(figures: List<Pair<Int, String>>) =
    rows(figures.size, R.layout.row_figure).zip(figures).forEach { (row, figure) ->
        row.findViewById<TextView>(R.id.figure_name).setText(figure.first)
        row.findViewById<TextView>(R.id.figure_value).text = figure.second
    }

private fun View.milliseconds(ms: Double) = context.getString(R.string.milliseconds, ms)

class PhotoScreen(private val root: View) {
    init {
        root.findViewById<View>(R.id.picture_frame).clipToOutline = true // Rounds the corners; XML can say so since Android 12.
    }

    fun render(state: UiState, picture: Bitmap?) {
        val photo = state.photo
        val shown = photo as? PhotoState.Shown
        val model = state.model as? ModelState.Ready
        val masked = model?.givesMasks == true
        renderPicture(photo, picture, masked)
        renderButtons(model)
        root.findViewById<TextView>(R.id.photo_error).showFailure((photo as? PhotoState.Failed)?.failure, above = state.model)
        root.findViewById<View>(R.id.results_card).showIf(shown != null)
        root.findViewById<TextView>(R.id.results_title).setText(if (masked) R.string.classes else R.string.results)
        renderPredictions(shown?.predictions.orEmpty(), masked)
        root.findViewById<TextView>(R.id.median).text = shown?.latency?.let { root.context.getString(R.string.median, it.p50Ms) }
        root.findViewById<ViewGroup>(R.id.photo_latency).renderFigures(if (shown == null) emptyList() else latency(state, shown))
    }

    private fun renderPicture(photo: PhotoState, picture: Bitmap?, masked: Boolean) {
        root.findViewById<ImageView>(R.id.picture).apply {
            // The shares of a mask are those of the whole picture.
            scaleType = if (masked) ImageView.ScaleType.FIT_CENTER else ImageView.ScaleType.CENTER_CROP
            setImageBitmap(picture)
            val description = if (masked && photo is PhotoState.Shown) R.string.picture_with_mask else R.string.picture
            contentDescription = if (picture == null) null else context.getString(description)
        }
        root.findViewById<View>(R.id.picture_hint).showIf(picture == null && photo != PhotoState.Working)
        root.findViewById<View>(R.id.photo_progress).showIf(photo == PhotoState.Working)
    }

    private fun renderButtons(model: ModelState.Ready?) {
        val takesPictures = model?.takesPictures == true
        root.findViewById<View>(R.id.choose_photo).isEnabled = takesPictures
        root.findViewById<View>(R.id.take_photo).isEnabled = takesPictures
        root.findViewById<TextView>(R.id.picture_hint).setText(
            when {
                model != null && !takesPictures -> R.string.problem_no_pictures
                model?.givesMasks == true -> R.string.picture_hint_mask
                else -> R.string.picture_hint
            },
        )
    }

    private fun renderPredictions(predictions: List<Prediction>, masked: Boolean) {
        val rows = root.findViewById<ViewGroup>(R.id.predictions).rows(predictions.size, R.layout.row_prediction)
        rows.zip(predictions).forEach { (row, prediction) ->
            row.findViewById<View>(R.id.swatch).apply {
                showIf(masked)
                // Class 0 has no colour: the overlay leaves it as it is.
                backgroundTintList = ColorStateList.valueOf(if (prediction.index == 0) Color.TRANSPARENT else classColour(prediction.index))
            }
            val percent = root.context.getString(R.string.percent, 100 * prediction.score)
            row.findViewById<TextView>(R.id.label).text = prediction.label
            row.findViewById<TextView>(R.id.score).text = percent
            row.findViewById<ProgressBar>(R.id.bar).progress = (1000 * prediction.score).toInt()
            row.contentDescription = "${prediction.label}, $percent"
        }
    }

    private fun latency(state: UiState, shown: PhotoState.Shown) = listOfNotNull(
        (state.model as? ModelState.Ready)?.let { R.string.figure_load to root.milliseconds(it.loadMs) },
        R.string.figure_first to root.milliseconds(shown.firstMs),
        shown.latency?.let { R.string.figure_median to root.milliseconds(it.p50Ms) },
        shown.latency?.let { R.string.figure_p90 to root.milliseconds(it.p90Ms) },
    )
}

class BenchmarkScreen(private val root: View) {
    fun render(state: UiState) {
        val benchmark = state.benchmark
        val running = benchmark as? BenchmarkState.Running
        root.findViewById<View>(R.id.run_benchmark).isEnabled = state.model is ModelState.Ready && !state.isBusy
        root.findViewById<ProgressBar>(R.id.benchmark_progress).apply {
            showIf(running != null)
            max = running?.of ?: 1
            progress = running?.done ?: 0
        }
        root.findViewById<TextView>(R.id.benchmark_error)
            .showFailure((benchmark as? BenchmarkState.Failed)?.failure, above = state.model)
        root.findViewById<View>(R.id.benchmark_card).showIf(benchmark is BenchmarkState.Done)
        root.findViewById<ViewGroup>(R.id.benchmark_figures).renderFigures(figures(benchmark))
    }

    private fun figures(benchmark: BenchmarkState): List<Pair<Int, String>> {
        val report = (benchmark as? BenchmarkState.Done)?.report ?: return emptyList()
        return listOf(
            R.string.figure_load to root.milliseconds(report.loadMs),
            R.string.figure_first to root.milliseconds(report.firstMs),
            R.string.figure_min to root.milliseconds(report.stats.minMs),
            R.string.figure_median to root.milliseconds(report.stats.p50Ms),
            R.string.figure_p90 to root.milliseconds(report.stats.p90Ms),
            R.string.figure_p99 to root.milliseconds(report.stats.p99Ms),
            R.string.figure_mean to root.milliseconds(report.stats.meanMs),
            R.string.figure_runs to "%d".format(report.stats.iterations),
            R.string.figure_threads to "%d".format(report.threads),
        )
    }
}

class SelfTestScreen(private val root: View) {
    fun render(state: UiState) {
        val test = state.selfTest
        val running = test as? SelfTestState.Running
        root.findViewById<View>(R.id.run_self_test).isEnabled = state.model is ModelState.Ready && !state.isBusy
        root.findViewById<ProgressBar>(R.id.self_test_progress).apply {
            showIf(running != null)
            max = running?.of ?: 1
            progress = running?.done ?: 0
        }
        root.findViewById<TextView>(R.id.self_test_error).showFailure((test as? SelfTestState.Failed)?.failure, above = state.model)
        root.findViewById<View>(R.id.verdict_card).showIf(test is SelfTestState.Done)
        (test as? SelfTestState.Done)?.let { renderReport(it.report) }
    }

    private fun renderReport(report: SelfTestReport) {
        val (word, chip) = when {
            report.passed -> R.string.verdict_pass to R.drawable.chip_pass
            report.firstFailure == null && report.unproven.isNotEmpty() ->
                R.string.verdict_unproven to R.drawable.chip_unproven
            else -> R.string.verdict_fail to R.drawable.chip_fail
        }
        root.findViewById<TextView>(R.id.verdict).apply {
            setText(word)
            setBackgroundResource(chip)
        }
        root.findViewById<TextView>(R.id.verdict_detail).text = detail(report)
        val rows = root.findViewById<ViewGroup>(R.id.verdicts).rows(report.verdicts.size, R.layout.row_verdict)
        rows.zip(report.verdicts).forEach { (row, verdict) -> renderVerdict(row, verdict) }
    }

    private fun detail(report: SelfTestReport): String {
        val context = root.context
        val failure = report.firstFailure
        return when {
            failure != null -> context.getString(R.string.verdict_fail_detail, failure.case)
            report.unproven.isNotEmpty() ->
                context.getString(R.string.verdict_unproven_detail, report.unproven.joinToString())
            else -> context.getString(R.string.verdict_pass_detail)
        }
    }

    private fun renderVerdict(row: View, verdict: Verdict) {
        val comparison = verdict.comparison
        row.findViewById<TextView>(R.id.verdict_case).text = verdict.case
        row.findViewById<TextView>(R.id.verdict_output).text = when {
            comparison.passed -> root.context.getString(R.string.verdict_output, comparison.output)
            else -> root.context.getString(
                R.string.verdict_reason,
                comparison.output,
                comparison.reason?.id,
                short(comparison.expected),
                short(comparison.actual),
            )
        }
        row.findViewById<TextView>(R.id.verdict_error).text = comparison.normError?.let { "%.1e".format(it) } ?: "–"
        row.findViewById<TextView>(R.id.verdict_mark).apply {
            text = if (comparison.passed) "✓" else "✗"
            setTextColor(root.context.getColor(if (comparison.passed) R.color.pass else R.color.fail))
            contentDescription = root.context.getString(if (comparison.passed) R.string.passed else R.string.failed)
        }
    }

    /** Integers keep all their digits. */
    private fun short(compared: Compared?): String? = when (compared) {
        null -> null
        is Compared.Text -> compared.text
        is Compared.Element -> (Json.numberOrWord(compared.value) as? Double)?.let { "%.4g".format(it) } ?: "${Json.numberOrWord(compared.value)}"
    }
}
