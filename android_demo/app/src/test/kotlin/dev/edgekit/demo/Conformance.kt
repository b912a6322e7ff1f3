package dev.edgekit.demo

import dev.edgekit.core.format.Json
import java.io.File

/** @property expected the PNG with the right pixels; null where the file must be refused */
data class ConformanceImage(val file: String, val expected: String?)

object Conformance {
    fun images(folder: File): List<ConformanceImage> =
        Json.parse(folder.resolve("index.json").readText(), "index.json")["cases"].items().filter(::isForTheApp).map {
            ConformanceImage(it["file"].text(), it.find("expected")?.text().takeUnless { _ -> it["error"].boolean() })
        }

    /** The platform decides about odd and damaged files, so those cases name the readers that they are for. */
    private fun isForTheApp(case: Json): Boolean = case.find("readers")?.items()?.any { it.text() == "kotlin" } ?: true
}
