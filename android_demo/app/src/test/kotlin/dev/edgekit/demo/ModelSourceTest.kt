package dev.edgekit.demo

import android.content.Intent
import android.view.View
import dev.edgekit.core.format.Problem
import dev.edgekit.core.ui.ModelState
import dev.edgekit.core.ui.PhotoState
import dev.edgekit.host.PackageEditor
import java.io.File
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertIs
import kotlin.test.assertNull
import kotlin.test.assertSame
import kotlin.test.assertTrue

/** Which model is open after restarts, intents and errors. */
class ModelSourceTest : AppTest() {
    private val other by lazy { named("other", inputs.resolve("../other.ptl")) }

    @Test
    fun of_whatWasSaved_givesTheSame() {
        for (source in listOf(ModelSource.Bundled, ModelSource.Imported, ModelSource.Pushed("my model.ptl"))) {
            assertEquals(source, ModelSource.of(source.toString()))
        }
        assertEquals(ModelSource.Bundled, ModelSource.of(null))
    }

    @Test
    fun import_fromStorage_replacesTheBundledOne() {
        val activity = launch()
        activity.pick(R.id.open_model, content(other))
        await { modelName == "other" }
        assertEquals("other", activity.text(R.id.model_name))
    }

    @Test
    fun import_afterProcessDeath_isOpenedFromTheAppsCopy() {
        val activity = launch()
        activity.pick(R.id.open_model, content(other))
        await { modelName == "other" }
        failing(other.name) { throw SecurityException("the permission ended with the process") }
        activity.killAndRestore()
        assertEquals("other", modelName)
    }

    @Test
    fun import_ofAWrongFile_leavesTheOneBefore() {
        val activity = launch()
        activity.pick(R.id.open_model, content(other))
        await { modelName == "other" }
        activity.pick(R.id.open_model, photo("flower0.jpg"))
        await { it.model is ModelState.Broken }
        activity.newIntent(Intent(Intent.ACTION_MAIN))
        await { it.model is ModelState.Ready }
        assertEquals("other", modelName)
    }

    @Test
    fun newIntent_withoutAModel_leavesWhatIsOpen() {
        val activity = launch()
        val before = state.model
        activity.newIntent(Intent(Intent.ACTION_MAIN))
        awaitModel()
        assertSame(before, state.model)
    }

    @Test
    fun pushedModel_afterAnotherIntentAndProcessDeath_isOpenAgain() {
        val activity = launchPushed(named("other", pushed()))
        activity.newIntent(Intent(Intent.ACTION_MAIN))
        activity.killAndRestore()
        assertEquals("other", modelName)
    }

    @Test
    fun open_anotherModel_takesTheOldPhotoAway() {
        val activity = launch()
        controller.showPhoto(photo("flower0.jpg"))
        shown()
        activity.pick(R.id.open_model, content(other))
        await { modelName == "other" }
        assertNull(controller.picture)
        assertTrue(activity.isVisible(R.id.picture_hint))
        assertEquals(PhotoState.None, state.photo)
    }

    @Test
    fun open_aModelThatHintsAtItsThreads_takesThem() {
        launch()
        await(controller.open(ModelSource.Pushed(hintingAt("1").name)))
        assertEquals(1, state.threads)
        controller.setThreads(2)
        await(controller.open(ModelSource.Pushed(pushed().name)))
        assertEquals(2, state.threads) // The user's choice goes first.
    }

    @Test
    fun open_aHintThatNoDeviceCanFollow_takesWhatThereIs() {
        launch()
        await(controller.open(ModelSource.Pushed(hintingAt("1024").name)))
        assertEquals(DemoController.maxThreads, state.threads)
        controller.runBenchmark()
        await { !it.isBusy }
    }

    private fun hintingAt(threads: String): File =
        PackageEditor.withManifest(model, pushed()) { it.replace(Regex("\"threads\": *null"), "\"threads\": $threads") }

    @Test
    fun open_aModelThatClassifiesNothing_switchesPhotosOff() {
        val activity = launch()
        assertTrue(activity.get().findViewById<View>(R.id.choose_photo).isEnabled)
        PackageEditor.withManifest(model, pushed()) { it.replace(Regex("\"image\": *\\{"), "\"image\": null, \"was\": {") }
        await(controller.open(ModelSource.Pushed(pushed().name)))
        assertFalse(activity.get().findViewById<View>(R.id.choose_photo).isEnabled)
        controller.showPhoto(photo("flower0.jpg")) // As another app's share would.
        await { it.photo is PhotoState.Failed }
        assertEquals(Problem.NO_PICTURES, assertIs<PhotoState.Failed>(state.photo).failure.problem)
    }
}
