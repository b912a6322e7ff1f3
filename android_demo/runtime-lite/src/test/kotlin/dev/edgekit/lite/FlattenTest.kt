package dev.edgekit.lite

import dev.edgekit.core.format.DType
import dev.edgekit.core.format.Json
import dev.edgekit.core.format.ModelException
import dev.edgekit.core.format.Tensor
import java.io.File
import kotlin.test.Test
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertTrue
import org.pytorch.IValue
import org.pytorch.Tensor as TorchTensor

/** PyTorch's Java values need no native library. */
class FlattenTest {
    @Test
    fun flatten_everyConformanceValue_givesItsStructureAndNames() {
        val file = File(checkNotNull(System.getProperty("edgekit.conformance")) { "set -Dedgekit.conformance" }, "names.json")
        val cases = Json.parse(file.readText(), file.name)["cases"].items()
        val (possible, mixed) = cases.partition { !hasMixedList(it["value"]) }
        assertTrue(possible.size >= 30)
        assertEquals(listOf("three deep"), mixed.map { it["name"].text() }) // PyTorch's lists have values of one type.
        for (case in possible) {
            val (name, value) = case["name"].text() to value(case["value"])
            if (case.find("error") != null) {
                assertContains(assertFailsWith<ModelException>(name) { flatten(value) }.message!!, "two outputs have the flattened name")
            } else {
                val outputs = flatten(value)
                assertEquals(case["structure"].text(), outputs.structure, name)
                assertEquals(case["names"].items().map { it.text() }, outputs.tensors.keys.toList(), name)
            }
        }
    }

    private fun value(json: Json): IValue {
        val (kind, content) = json.fields().entries.single()
        return when (kind) {
            "tensor" -> IValue.from(TorchTensor.fromBlob(floatArrayOf(1f), longArrayOf(1)))
            "none" -> IValue.optionalNull()
            "int" -> IValue.from(content.long())
            "float" -> IValue.from(content.double())
            "bool" -> IValue.from(content.boolean())
            "tuple" -> IValue.tupleFrom(*content.items().map(::value).toTypedArray())
            "list" -> list(content.items())
            else -> dict(content.items().map { it.items() })
        }
    }

    private fun list(items: List<Json>): IValue =
        if (items.isNotEmpty() && items.all { it.find("int") != null }) {
            IValue.listFrom(*items.map { it["int"].long() }.toLongArray())
        } else {
            IValue.listFrom(*items.map(::value).toTypedArray())
        }

    private fun dict(pairs: List<List<Json>>): IValue =
        if (pairs.isNotEmpty() && pairs.all { "${it[0]}".toLongOrNull() != null }) {
            IValue.dictLongKeyFrom(pairs.associate { (key, item) -> key.long() to value(item) })
        } else {
            IValue.dictStringKeyFrom(pairs.associate { (key, item) -> key.text() to value(item) })
        }

    private fun hasMixedList(json: Json): Boolean {
        val (kind, content) = json.fields().entries.single()
        val items = when (kind) {
            "list", "tuple" -> content.items()
            "dict" -> content.items().map { it.items()[1] }
            else -> return false
        }
        return (kind == "list" && items.map { it.fields().keys.single() }.toSet().size > 1) || items.any(::hasMixedList)
    }

    @Test
    fun toRowMajor_turnsNhwcMemoryIntoNchw() {
        val nhwc = Tensor.allocate(DType.INT32, listOf(1, 2, 1, 3)).apply { ints().put(intArrayOf(0, 10, 1, 11, 2, 12)) }
        assertEquals(listOf<Long>(0, 1, 2, 10, 11, 12), nhwc.toRowMajor().let { t -> List(t.size, t::long) })
    }
}
