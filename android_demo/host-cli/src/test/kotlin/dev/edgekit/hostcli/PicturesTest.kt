package dev.edgekit.hostcli

import dev.edgekit.core.format.Json
import dev.edgekit.core.format.Tensor
import dev.edgekit.host.HostRuntime
import java.io.File
import kotlin.math.abs
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertTrue
import org.junit.Assume.assumeTrue
import org.junit.Before

/** Java has no scaled decoder of JPEG, so the means of blocks stand for its pixels. */
class PicturesTest {
    private val images = File(property("edgekit.conformance"), "images")

    /** Android's library must be loaded before Java's own for pictures. */
    @Before
    fun loadAndroidsLibrary() {
        assumeTrue(HostRuntime.unsupportedReason().orEmpty(), HostRuntime.unsupportedReason() == null)
        val model = File(property("edgekit.inputs"), "model.ptl").path
        assertEquals(2, execute(listOf("run", property("edgekit.jni"), "target/host", model, "gone.png")))
    }

    @Test
    fun pixels_ofScaledJpegs_haveTheContractsSizesAndAreNearItsLevels() {
        val cases = Json.parse(images.resolve("index.json").readText(), "index.json")["cases"].items().filter { case ->
            val file = case["file"].text()
            file.startsWith("jpeg_scaled_") && !case["error"].boolean() && ODD.none { it in file } && case.find("task") == null
        }
        assertTrue(cases.size >= 25)
        for (case in cases) {
            val actual = pixels(images.resolve(case["file"].text()), case["resize"].int())
            val expected = pixels(images.resolve(case["expected"].text()), resize = 0)
            assertEquals(expected.shape, actual.shape, case["file"].text())
            val mean = (0 until expected.size).sumOf { abs(expected.level(it) - actual.level(it)) }.toDouble() / expected.size
            assertTrue(mean <= MOST_LEVELS, "${case["file"].text()}: $mean")
        }
    }

    @Test
    fun pixels_ofAPng_areNeverScaled() {
        assertEquals(listOf(95, 127, 3), pixels(images.resolve("png_scaled_not.png"), resize = 6).shape)
        assertEquals(listOf(95, 127, 3), pixels(images.resolve("jpeg_scaled_mask.jpg"), resize = 0).shape)
    }

    @Test
    fun pixels_ofGreyPictures_areTheLevelsInTheFile() {
        for (name in listOf("png_grey8.png", "jpeg_grey.jpg")) {
            val expected = pixels(images.resolve("${name.substringBefore('.')}.expected.png"), resize = 0)
            assertEquals(expected.bytes, pixels(images.resolve(name), resize = 0).bytes, name)
        }
    }

    private fun Tensor.level(at: Int): Int = long(at).toInt()

    private fun property(name: String): String = checkNotNull(System.getProperty(name)) { "set -D$name" }

    private companion object {
        /** Java does not read CMYK and ignores Exif data, and of the smallest picture a mean over edges says little. */
        val ODD = listOf("cmyk", "exif", "tiny", "410")
        const val MOST_LEVELS = 3.0
    }
}
