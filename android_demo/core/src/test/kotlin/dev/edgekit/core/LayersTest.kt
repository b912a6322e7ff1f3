package dev.edgekit.core

import java.io.File
import kotlin.test.Test
import kotlin.test.assertEquals

/** The packages of core depend on each other in one direction: `format` <- `run` <- `ui`. */
class LayersTest {
    @Test
    fun violations_ofTheSources_areNone() {
        val root = File("src/main/kotlin/dev/edgekit/core")
        val sources = root.walk().filter { it.extension == "kt" }.associate { it.relativeTo(root).path to it.readText() }
        assertEquals(LAYERS.toSet(), sources.keys.mapTo(HashSet()) { it.substringBefore('/') })
        assertEquals(emptyList(), violations(sources))
    }

    @Test
    fun violations_ofAnImportUpwards_namesTheFile() {
        val sources = mapOf(
            "format/A.kt" to "package dev.edgekit.core.format\n\nimport dev.edgekit.core.run.classify\n",
            "run/B.kt" to "package dev.edgekit.core.run\n\nval state: dev.edgekit.core.ui.UiState? = null\n",
            "run/C.kt" to "package dev.edgekit.core.run\n\nimport dev.edgekit.core.format.Tensor\n",
            "ui/D.kt" to "package dev.edgekit.core.format\n",
        )
        val expected = listOf("format/A.kt uses run", "run/B.kt uses ui", "ui/D.kt is in package format")
        assertEquals(expected, violations(sources))
    }

    private fun violations(sources: Map<String, String>): List<String> = sources.flatMap { (path, text) ->
        val own = path.substringBefore('/')
        val allowed = LAYERS.take(LAYERS.indexOf(own) + 1)
        val declared = checkNotNull(PACKAGE.find(text)) { "$path has no package" }.groupValues[1]
        val used = REFERENCE.findAll(text).map { it.groupValues[1] }.toSet()
        val misplaced = if (declared == own) emptyList() else listOf("$path is in package $declared")
        misplaced + (used - allowed.toSet() - declared).map { "$path uses $it" }
    }

    private companion object {
        val LAYERS = listOf("format", "run", "ui")
        val PACKAGE = Regex("""^package dev\.edgekit\.core\.(\w+)$""", RegexOption.MULTILINE)
        val REFERENCE = Regex("""\bdev\.edgekit\.core\.(\w+)""")
    }
}
