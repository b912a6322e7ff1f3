package dev.edgekit.demo

import android.graphics.Insets
import android.graphics.Rect
import android.view.View
import android.view.WindowInsets
import android.widget.SeekBar
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertNull
import kotlin.test.assertTrue
import org.robolectric.RuntimeEnvironment
import org.robolectric.android.controller.ActivityController

/** Parts of the look that screenshots do not show: the system's bars, and the texts for screen readers. */
class LookTest : AppTest() {
    @Test
    fun insets_keepTheContentClearOfBarsAndCutout() {
        val activity = launch()
        val margin = activity.bounds(R.id.threads_row).left
        assertTrue(margin > 0)
        val insets = WindowInsets.Builder()
            .setInsets(WindowInsets.Type.systemBars(), Insets.of(0, 60, 0, 40))
            .setInsets(WindowInsets.Type.displayCutout(), Insets.of(80, 0, 0, 0))
            .build()
        activity.get().findViewById<View>(R.id.root).dispatchApplyWindowInsets(insets)
        activity.draw()
        val (width, height) = activity.get().window.decorView.let { it.width to it.height }
        assertEquals(80 + margin, activity.bounds(R.id.threads_row).left)
        assertEquals(width - margin, activity.bounds(R.id.threads_row).right)
        assertEquals(height - 40, activity.bounds(R.id.threads_row).bottom)
        assertTrue(activity.bounds(R.id.model_name).top >= 60)
    }

    private fun ActivityController<MainActivity>.bounds(id: Int): Rect {
        draw()
        val place = IntArray(2).also { get().findViewById<View>(id).getLocationInWindow(it) }
        return get().findViewById<View>(id).let { Rect(place[0], place[1], place[0] + it.width, place[1] + it.height) }
    }

    @Test
    fun navigationBar_hasTheOtherColourThanItsButtons() {
        assertEquals(listOf(true, true), lightBars(launch()))
        RuntimeEnvironment.setQualifiers("+night")
        assertEquals(listOf(false, false), lightBars(launch()))
    }

    private fun lightBars(activity: ActivityController<MainActivity>): List<Boolean> {
        val names = intArrayOf(android.R.attr.windowLightNavigationBar, android.R.attr.windowLightStatusBar)
        assertEquals(activity.get().getColor(R.color.background), activity.get().window.navigationBarColor)
        return names.map { activity.get().theme.obtainStyledAttributes(intArrayOf(it)).getBoolean(0, it == 0) }
    }

    @Test
    fun picture_isDescribedWhenThereIsOne() {
        val activity = launch()
        val picture = activity.get().findViewById<View>(R.id.picture)
        assertNull(picture.contentDescription)
        controller.showPhoto(photo("flower0.jpg"))
        shown()
        assertEquals("The chosen photograph", picture.contentDescription)
    }

    @Test
    fun threads_areReadAsThreads() {
        val activity = launch()
        controller.setThreads(2)
        await { true }
        assertEquals("2 threads", activity.get().findViewById<SeekBar>(R.id.threads).stateDescription)
    }
}
