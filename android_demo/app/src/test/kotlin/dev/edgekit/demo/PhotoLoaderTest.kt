package dev.edgekit.demo

import android.graphics.Bitmap
import android.graphics.BitmapFactory
import dev.edgekit.core.format.ImageException
import dev.edgekit.core.format.Json
import java.io.File
import kotlin.math.abs
import kotlin.test.Test
import kotlin.test.assertEquals

/** The image contract, where the platform's decoder allows it. */
class PhotoLoaderTest : AppTest() {
    private val loader by lazy { PhotoLoader(app.contentResolver) }

    @Test
    fun load_tenPhotographs_givesTheSameTopLabelAsPython() {
        launch()
        val opened = controller.import(content(inputs.resolve("fitted.ptl")))
        await(opened)
        for (answer in Json.parse(inputs.resolve("fitted.json").readText(), "fitted.json")["results"].items()) {
            val job = controller.showPhoto(photo(answer["file"].text()))
            await(job)
            val top = shown().predictions.first()
            assertEquals(answer["labels"].items().first()["label"].text(), top.label, answer["file"].text())
        }
    }

    @Test
    fun load_everyConformanceImage_isAsTheDocumentedTableSays() {
        val images = conformance.resolve("images")
        val outcomes = Conformance.images(images).associate { it.name to outcome(images, it) }
        val differing = outcomes.filterValues { it != EXACT }
        assertEquals(KNOWN_DIFFERENCES, differing, differing.entries.joinToString("\n") { "\"${it.key}\" to \"${it.value}\"," })
    }

    @Test
    fun load_aLongPanorama_isShownSmallerThanItIsDecoded() {
        val panorama = File.createTempFile("panorama", ".jpg")
        panorama.outputStream().use { file ->
            Bitmap.createBitmap(26000, 1000, Bitmap.Config.RGB_565).compress(Bitmap.CompressFormat.JPEG, 50, file)
        }
        val bitmap = loader.load(content(panorama), resize = 256)
        assertEquals(26000, bitmap.width)
        assertEquals(13000, loader.forScreen(bitmap).width)
        assertEquals(13000, loader.load(content(panorama), resize = 256, mask = true).width)
        assertEquals(3250, loader.load(content(panorama), resize = 62).width)
    }

    private fun outcome(folder: File, case: ConformanceImage): String = try {
        val bitmap = loader.load(content(folder.resolve(case.file)), case.resize, case.isMask)
        when {
            case.expected == null -> "decoded"
            else -> difference(BitmapFactory.decodeFile(folder.resolve(case.expected).path), bitmap)
        }
    } catch (_: ImageException) {
        if (case.expected == null) EXACT else "refused"
    }

    private fun difference(expected: Bitmap, actual: Bitmap): String {
        if (expected.width != actual.width || expected.height != actual.height) return "another size"
        val a = loader.toTensor(actual).let { t -> IntArray(t.size) { t.long(it).toInt() } }
        val b = loader.toTensor(expected).let { t -> IntArray(t.size) { t.long(it).toInt() } }
        val largest = a.indices.maxOf { abs(a[it] - b[it]) }
        return if (largest == 0) EXACT else "up to $largest levels"
    }

    private companion object {
        const val EXACT = "exact"

        /** The differences of Android's decoder; `docs/android.md` has the same list. */
        val KNOWN_DIFFERENCES = mapOf(
            "jpeg_cmyk.jpg" to "up to 255 levels",
            "jpeg_icc.jpg" to "up to 69 levels",
            "jpeg_truncated.jpg" to "decoded",
            "jpeg_no_eoi.jpg" to "decoded",
            "png_rgb16.png" to "up to 1 levels",
            "png_rgba16.png" to "up to 1 levels",
            "png_icc.png" to "up to 141 levels",
            "png_gamma.png" to "up to 73 levels",
            "png_grey16_gamma.png" to "up to 71 levels",
            "png_truncated.png" to "decoded",
            "png_no_iend.png" to "decoded",
            "png_bad_text_crc.png" to "decoded",
            "png_missing_rows.png" to "decoded",
            "jpeg_scaled_tiny.jpg for 1" to "up to 36 levels",
        )
    }
}
