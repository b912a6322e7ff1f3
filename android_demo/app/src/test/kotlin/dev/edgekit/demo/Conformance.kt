package dev.edgekit.demo

import dev.edgekit.core.format.Json
import java.io.File

/** @property expected the PNG with the right pixels; null where the file must be refused */
data class ConformanceImage(val name: String, val file: String, val expected: String?, val resize: Int, val isMask: Boolean)

object Conformance {
    private const val RESIZE = 256

    fun images(folder: File): List<ConformanceImage> =
        Json.parse(folder.resolve("index.json").readText(), "index.json")["cases"].items().filter(::isForTheApp).map {
            val (file, resize) = it["file"].text() to it.find("resize")?.int()
            val expected = it.find("expected")?.text().takeUnless { _ -> it["error"].boolean() }
            ConformanceImage(listOfNotNull(file, resize).joinToString(" for "), file, expected, resize ?: RESIZE, it.find("task") != null)
        }

    /** The platform decides about odd and damaged files, so those cases name the readers that they are for. */
    private fun isForTheApp(case: Json): Boolean = case.find("readers")?.items()?.any { it.text() == "kotlin" } ?: true
}
