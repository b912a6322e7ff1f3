package dev.edgekit.core.format

import dev.edgekit.host.PackageEditor
import java.io.File

/** A package that no runtime can run, for the tests of readers. */
object TinyPackage {
    const val GOLDEN = """{"schema_version": "2.0", "cases": [{"name": "forward: seed 1", "method": "forward",
        "inputs": [{"name": "x", "dtype": "float32", "shape": [2], "seed": 1, "low": -1.0, "high": 1.0}],
        "outputs": [{"name": "0", "dtype": "float32", "shape": [2], "indices": null, "values": [0.25, 0.5]}]}]}"""

    const val METHOD = """{"name": "forward", "structure": "*",
        "inputs": [{"name": "x", "dtype": "float32", "shape": [{"min": 1, "max": 4}]}],
        "outputs": [{"name": "0", "dtype": "float32", "shape": [null], "proof": "varies"}]}"""
    const val TOLERANCE = """{"norm": 1e-5, "max": 1e-5, "absolute": 1e-5}"""

    fun manifest(
        records: Map<String, String>,
        version: String = "2.0",
        method: String = METHOD,
        tolerance: String = TOLERANCE,
    ) = """{"schema_version": "$version", "name": "tiny", "future": 1,
        "provenance": {"source": "test", "weights": {"kind": "random", "name": null, "seed": 7}},
        "methods": [$method], "image": null, "tolerance": $tolerance, "runtime": {"pool": "xnnpack", "threads": null},
        "records": ${Json.write(records)}}"""

    val records: Map<String, ByteArray> = mapOf(
        "bytecode.pkl" to "bytecode".encodeToByteArray(),
        "constants/0.storage" to ByteArray(64) { it.toByte() },
        "extra/edgekit/golden.json" to GOLDEN.encodeToByteArray(),
        "extra/edgekit/labels.txt" to "cat\nd\\u00f6g \\u20ac \\ud83d\\ude00\n".encodeToByteArray(),
    )

    fun write(target: File, records: Map<String, ByteArray> = this.records, manifest: String = manifest(digests(records))): File {
        val all = records + mapOf("extra/edgekit/manifest.json" to manifest.encodeToByteArray(), ".data/serialization_id" to byteArrayOf(1))
        return PackageEditor.write(all.mapKeys { "archive/${it.key}" }, target)
    }

    fun digests(records: Map<String, ByteArray>) = records.mapValues { sha256(it.value.inputStream()) }
}
