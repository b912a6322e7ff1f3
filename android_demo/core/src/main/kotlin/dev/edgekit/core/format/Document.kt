package dev.edgekit.core.format

/** The JSON document that every tool of edgekit prints. */
object Document {
    /** The version of the documents; packages have a version of their own. */
    private const val SCHEMA_VERSION = "1.0"

    fun write(context: Map<String, Any?>, results: List<Map<String, Any?>>): String =
        Json.write(mapOf("schema_version" to SCHEMA_VERSION, "context" to context, "results" to results))

    /** The document of a run that failed: an error instead of results. */
    fun writeError(message: String): String = Json.write(mapOf("schema_version" to SCHEMA_VERSION, "error" to message))
}
