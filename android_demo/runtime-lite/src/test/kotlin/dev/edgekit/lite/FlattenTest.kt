package dev.edgekit.lite

import dev.edgekit.core.format.DType
import dev.edgekit.core.format.ModelException
import dev.edgekit.core.format.Tensor
import kotlin.test.Test
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import org.pytorch.IValue

/** PyTorch's Java values need no native library as long as no tensor is in them. */
class FlattenTest {
    @Test
    fun flatten_nestedValues_givesNamesAndStructure() {
        val boxes = IValue.dictStringKeyFrom(mapOf("boxes" to IValue.from(1.5), "none" to IValue.optionalNull()))
        val outputs = flatten(IValue.tupleFrom(IValue.from(7), IValue.listFrom(boxes, boxes)))
        assertEquals("(*, [{'boxes': *, 'none': None}, {'boxes': *, 'none': None}])", outputs.structure)
        assertEquals(listOf("0", "1.0.boxes", "1.1.boxes"), outputs.tensors.keys.toList())
        assertEquals(7, outputs["0"].long(0))
    }

    @Test
    fun flatten_oddKeys_areEscapedInTheStructureOnly() {
        val keys = listOf("it's", "back\\slash", "double\"quote", "é", "")
        val outputs = flatten(IValue.dictStringKeyFrom(keys.associateWith { IValue.from(true) }))
        assertEquals("{'it\\'s': *, 'back\\\\slash': *, 'double\"quote': *, 'é': *, '': *}", outputs.structure)
        assertEquals(listOf("it's", "back\\slash", "double\"quote", "é", "0"), outputs.tensors.keys.toList())
    }

    @Test
    fun flatten_twoValuesOfOneName_isAnError() {
        val nested = IValue.dictStringKeyFrom(mapOf("a.b" to IValue.from(1), "a" to IValue.dictStringKeyFrom(mapOf("b" to IValue.from(2)))))
        assertContains(assertFailsWith<ModelException> { flatten(nested) }.message!!, "two outputs have the flattened name 'a.b'")
    }

    @Test
    fun toRowMajor_turnsNhwcMemoryIntoNchw() {
        val nhwc = Tensor.allocate(DType.INT32, listOf(1, 2, 1, 3)).apply { ints().put(intArrayOf(0, 10, 1, 11, 2, 12)) }
        assertEquals(listOf<Long>(0, 1, 2, 10, 11, 12), nhwc.toRowMajor().let { t -> List(t.size, t::long) })
    }
}
