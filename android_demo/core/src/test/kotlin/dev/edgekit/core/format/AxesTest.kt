package dev.edgekit.core.format

import kotlin.test.Test
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith

class AxesTest {
    private val batch = Axis.Range(1, 4, symbol = "n")
    private val side = Axis.Range(32, 512, multiple = 32)
    private val picture = spec("x", Axis.Range(1, 4), Axis.Fixed(3), side, side)

    @Test
    fun toString_ofASpec_namesItsRanges() {
        assertEquals("x: float32 [1..4, 3, 32..512 by 32, 32..512 by 32]", "$picture")
        assertEquals("y: float32 [n=1..4, *]", "${spec("y", batch, Axis.Free)}")
    }

    @Test
    fun check_aSizeOutsideTheRange_namesTheInputItsShapeAndTheRanges() = assertEquals(
        "input 'x' is float32 [5, 3, 64, 65]; expected $picture. Convert or reshape it.",
        refusal(method(picture), listOf(5, 3, 64, 65)),
    )

    @Test
    fun check_unequalSizesOfOneSymbol_namesBothAxes() {
        val method = method(spec("x", batch, Axis.Fixed(3)), spec("y", Axis.Fixed(1), batch))
        assertContains(
            refusal(method, listOf(2, 3), listOf(1, 3)),
            "axis 0 of x is 2 and axis 1 of y is 3; expected equal sizes",
        )
        method.check(listOf(listOf(3, 3), listOf(1, 3)).map { Tensor.allocate(DType.FLOAT32, it) })
    }

    @Test
    fun check_outputsOfAStructureThatDependsOnTheData_areNotHeldAgainstThoseOfOneCase() {
        val outputs = listOf(spec("0", Axis.Fixed(1)))
        MethodSpec("forward", null, emptyList(), outputs).check(Outputs("[]", emptyMap()))
        assertFailsWith<ModelException> {
            MethodSpec("forward", "[*]", emptyList(), outputs).check(Outputs("[]", emptyMap()))
        }
    }

    @Test
    fun inputsOf_aCaseOfAnotherSize_isRefused() {
        fun input(size: Int) = StoredInput("x", DType.UINT8, listOf(size), ByteArray(size))
        fun case(size: Int) = GoldenCase("c", "forward", listOf(input(size)), emptyList(), tolerance = null)
        val method = method(TensorSpec("x", DType.UINT8, listOf(Axis.Range(2, 4))))
        assertEquals(listOf(2), method.inputsOf(case(2)).single().shape)
        assertFailsWith<InputException> { method.inputsOf(case(5)) }
    }

    private fun spec(name: String, vararg shape: Axis) = TensorSpec(name, DType.FLOAT32, shape.toList())

    private fun method(vararg inputs: TensorSpec) = MethodSpec("forward", "*", inputs.toList(), emptyList())

    private fun refusal(method: MethodSpec, vararg shapes: List<Int>): String =
        assertFailsWith<InputException> { method.check(shapes.map { Tensor.allocate(DType.FLOAT32, it) }) }.message!!
}
