package dev.edgekit.demo

import android.graphics.Bitmap
import android.graphics.Color
import android.view.View
import android.view.ViewGroup
import android.widget.ImageView
import android.widget.TextView
import dev.edgekit.core.format.Failure
import dev.edgekit.core.format.Problem
import dev.edgekit.core.run.classColour
import dev.edgekit.core.ui.PhotoState
import dev.edgekit.host.PackageEditor
import kotlin.math.abs
import kotlin.test.Test
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertIs
import kotlin.test.assertTrue
import org.robolectric.RuntimeEnvironment
import org.robolectric.android.controller.ActivityController

/** A package whose `predict` gives the class of each pixel. */
class MaskTest : AppTest() {
    @Test
    fun photo_hasItsMaskOverIt() {
        val activity = launchSegmenter()
        controller.showPhoto(photo("china0.jpg"))
        shown()
        val plain = PhotoLoader(app.contentResolver).load(photo("china0.jpg"), 256)
        val drawn = controller.picture!!
        assertEquals(plain.width to plain.height, drawn.width to drawn.height)
        val (sky, trees) = listOf(500 to 40, 60 to 400)
        assertEquals(plain.at(sky), drawn.at(sky)) // Class 0 has no colour.
        assertEquals(half(plain.at(trees), classColour(TREES)), drawn.at(trees))
        val view = activity.get().findViewById<ImageView>(R.id.picture)
        assertEquals(ImageView.ScaleType.FIT_CENTER, view.scaleType)
        assertContains(view.contentDescription, "mask")
    }

    private fun Bitmap.at(place: Pair<Int, Int>) = getPixel(place.first, place.second)

    private fun half(a: Int, b: Int): Int =
        Color.rgb((Color.red(a) + Color.red(b)) / 2, (Color.green(a) + Color.green(b)) / 2, (Color.blue(a) + Color.blue(b)) / 2)

    @Test
    fun legend_hasEveryClassWithItsShareAndColour() {
        val activity = launchSegmenter()
        controller.showPhoto(photo("china0.jpg"))
        val classes = shown().predictions
        assertEquals(setOf("sky", "building", "trees", "lake"), classes.map { it.label }.toSet())
        assertEquals(classes.sortedByDescending { it.score }, classes)
        assertTrue(abs(classes.sumOf { it.score } - 1) < 1e-9)
        assertEquals("Share of the picture", activity.text(R.id.results_title))
        val rows = activity.get().findViewById<ViewGroup>(R.id.predictions).let { group -> List(group.childCount, group::getChildAt) }
        assertEquals(classes.map { it.label }, rows.map { it.findViewById<TextView>(R.id.label).text.toString() })
        val colours = classes.map { if (it.index == 0) Color.TRANSPARENT else classColour(it.index) }
        assertEquals(colours, rows.map { it.findViewById<View>(R.id.swatch).backgroundTintList!!.defaultColor })
    }

    @Test
    fun hint_saysWhatTheModelDoes() {
        val activity = launchSegmenter()
        assertEquals("Choose or take a photograph to see what is where in it", activity.text(R.id.picture_hint))
        assertTrue(activity.get().findViewById<View>(R.id.choose_photo).isEnabled)
    }

    @Test
    fun classifier_afterASegmenter_hasNoColours() {
        val activity = launchSegmenter()
        controller.showPhoto(photo("china0.jpg"))
        shown()
        await(controller.import(content(model)))
        controller.showPhoto(photo("flower0.jpg"))
        assertEquals(5, shown().predictions.size)
        assertEquals("Top five", activity.text(R.id.results_title))
        assertFalse(activity.isVisible(R.id.swatch))
        assertEquals(ImageView.ScaleType.CENTER_CROP, activity.get().findViewById<ImageView>(R.id.picture).scaleType)
    }

    @Test
    fun rotate_keepsTheMask() {
        val activity = launchSegmenter()
        controller.showPhoto(photo("china0.jpg"))
        val before = shown()
        RuntimeEnvironment.setQualifiers("+land")
        activity.recreate()
        await { true }
        assertEquals(before, state.photo)
        assertTrue(activity.isVisible(R.id.swatch))
    }

    @Test
    fun open_aTaskThatThisAppDoesNotKnow_switchesPhotosOff() {
        val activity = launch()
        PackageEditor.withManifest(segmenter, pushed()) { it.replace(Regex("\"task\": *\"mask\""), "\"task\": \"depth\"") }
        await(controller.open(ModelSource.Pushed(pushed().name)))
        assertFalse(activity.get().findViewById<View>(R.id.choose_photo).isEnabled)
        assertContains(activity.text(R.id.picture_hint), "neither labels nor a mask")
        await(controller.showPhoto(photo("flower0.jpg")))
        val failure: Failure = assertIs<PhotoState.Failed>(state.photo).failure
        assertEquals(Problem.NO_PICTURES, failure.problem)
    }

    private fun launchSegmenter(): ActivityController<MainActivity> = launch().also { await(controller.import(content(segmenter))) }

    private companion object {
        const val TREES = 2
    }
}
