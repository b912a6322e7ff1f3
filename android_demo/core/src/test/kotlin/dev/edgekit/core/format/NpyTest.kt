package dev.edgekit.core.format

import java.io.File
import kotlin.test.Test
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import org.junit.Rule
import org.junit.rules.TemporaryFolder

class NpyTest {
    @get:Rule
    val folder = TemporaryFolder()
    private val file: File get() = folder.root.resolve("x.npy")

    @Test
    fun write_thenRead_givesTheSameTensor() {
        for (dtype in DType.entries) for (shape in listOf(emptyList(), listOf(3), listOf(2, 3), listOf(0, 4))) {
            val tensor = Tensor.allocate(dtype, shape).apply { while (bytes.hasRemaining()) bytes.put(bytes.position().toByte()) }
            Npy.write(file, tensor)
            val again = Npy.read(file)
            assertEquals(dtype to shape, again.dtype to again.shape)
            assertEquals(tensor.bytes.duplicate().rewind(), again.bytes.duplicate().rewind())
        }
    }

    @Test
    fun write_aFile_hasTheBytesOfNumpy() {
        Npy.write(file, Tensor.allocate(DType.INT32, listOf(2)).apply { ints().put(intArrayOf(1, -1)) })
        val header = "{'descr': '<i4', 'fortran_order': False, 'shape': (2,), }".padEnd(117) + "\n"
        assertEquals("\u0093NUMPY\u0001\u0000v\u0000$header\u0001\u0000\u0000\u0000\u00ff\u00ff\u00ff\u00ff", file.readText(Charsets.ISO_8859_1))
        assertEquals(listOf("x.npy"), folder.root.list()?.toList())
    }

    @Test
    fun read_ofANewerHeader_isTheSame() {
        val header = "{'descr': '|u1', 'fortran_order': False, 'shape': (), }\n"
        write("\u0093NUMPY\u0002\u0000${header.length.toChar()}\u0000\u0000\u0000$header\u0007")
        assertEquals(7, Npy.read(file).long(0))
    }

    @Test
    fun read_whatNoModelTakes_namesIt() {
        assertContains(refused("'descr': '<f2', 'fortran_order': False, 'shape': (1,)"), "holds <f2; expected one of float32")
        assertContains(refused("'descr': '>f4', 'fortran_order': False, 'shape': (1,)"), "holds >f4")
        assertContains(refused("'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)"), "holds [('a', '<f4')]")
        assertContains(refused("'descr': '<f4', 'fortran_order': True, 'shape': (1,)"), "Fortran order")
    }

    @Test
    fun read_aDamagedFile_isAnError() {
        assertContains(refused("'descr': '<f4', 'fortran_order': False"), "damaged header")
        assertContains(refused("'descr': '<f4', 'fortran_order': False, 'shape': (99999999999,)"), "damaged header")
        assertContains(refused("'descr': '<f4', 'fortran_order': False, 'shape': (65536, 65536)"), "more than 268435456 elements")
        assertContains(refused("'descr': '<f4', 'fortran_order': False, 'shape': (2,)"), "has 4 bytes of data; expected 8 for shape [2]")
        for (text in listOf("", "hello", "\u0093NUMPY\u0001\u0000\u00ff\u00ff{}", "\u0093NUMPY\u0009\u0000\u0001\u0000{}", "\u0093NUMPY\u0002\u0000\u0000\u0000\u0000\u0080{}")) {
            write(text)
            assertContains(assertFailsWith<InputException> { Npy.read(file) }.message!!, "is not a .npy file")
        }
        assertContains(assertFailsWith<InputException> { Npy.read(folder.root.resolve("gone.npy")) }.message!!, "cannot be read")
    }

    private fun refused(fields: String): String {
        val header = "{$fields, }\n"
        write("\u0093NUMPY\u0001\u0000${header.length.toChar()}\u0000$header\u0000\u0000\u0000\u0000")
        return assertFailsWith<InputException> { Npy.read(file) }.message!!
    }

    private fun write(text: String) = file.writeBytes(text.toByteArray(Charsets.ISO_8859_1))
}
