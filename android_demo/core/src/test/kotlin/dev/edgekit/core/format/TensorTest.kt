package dev.edgekit.core.format

import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith

class TensorTest {
    @Test
    fun elementCount_overTheFormatsLimit_fails() {
        assertEquals(1 shl 28, Tensor.elementCount(listOf(1 shl 14, 1 shl 14)))
        for (shape in listOf(listOf(65536, 65536), listOf(1 shl 28, 2), List(9) { Int.MAX_VALUE }, listOf(-1), listOf(2, -2))) {
            assertFailsWith<PackageException> { Tensor.elementCount(shape) }
        }
    }

    @Test
    fun allocate_moreThanABufferHolds_fails() {
        assertFailsWith<PackageException> { Tensor.allocate(DType.FLOAT64, listOf(1 shl 28)) }
    }
}
