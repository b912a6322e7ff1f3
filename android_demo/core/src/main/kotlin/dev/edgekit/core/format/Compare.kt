package dev.edgekit.core.format

import kotlin.math.abs
import kotlin.math.sqrt

/** Why a comparison failed; [id] is its name in verdict documents. */
enum class Reason(val id: String) {
    MISSING("missing"),
    UNEXPECTED("unexpected"),
    STRUCTURE("structure"),
    DTYPE("dtype"),
    SHAPE("shape"),
    NONFINITE("nonfinite"),
    EXACT("exact"),
    NORM("norm"),
    MAX("max"),
    ABSOLUTE("absolute"),
    ERROR("error"),
}

/** The verdict on one output. It passed where [reason] is null; figures are null where they are undefined. */
data class Comparison(
    val output: String,
    val reason: Reason?,
    val normError: Double? = null,
    val maxError: Double? = null,
    val cosine: Double? = null,
    val top1: Boolean? = null,
    val worstIndex: List<Int>? = null,
    val expected: Compared? = null,
    val actual: Compared? = null,
) {
    val passed: Boolean get() = reason == null
}

/** One side of a comparison. */
sealed interface Compared {
    /** The element at the worst position: a Double, or a Long for integers and booleans. */
    data class Element(val value: Number) : Compared

    /** A text where no element was compared: a dtype and shape, a structure, an error. */
    data class Text(val text: String) : Compared
}

/** Compares a run with a golden case's outputs: one verdict for each name on either side. */
fun compare(expected: List<GoldenOutput>, actual: Map<String, Tensor>, tolerance: Tolerance): List<Comparison> {
    val names = expected.mapTo(HashSet()) { it.name }
    return expected.map { compare(it, actual[it.name], tolerance) } + (actual - names).map { (name, tensor) ->
        Comparison(name, Reason.UNEXPECTED, expected = Compared.Text("no such output"), actual = describe(tensor.dtype, tensor.shape))
    }
}

private fun compare(golden: GoldenOutput, tensor: Tensor?, tolerance: Tolerance): Comparison {
    val wanted = describe(golden.dtype, golden.shape)
    if (tensor == null) return Comparison(golden.name, Reason.MISSING, expected = wanted, actual = Compared.Text("nothing"))
    val got = describe(tensor.dtype, tensor.shape)
    if (tensor.dtype != golden.dtype) return Comparison(golden.name, Reason.DTYPE, expected = wanted, actual = got)
    if (tensor.shape != golden.shape) return Comparison(golden.name, Reason.SHAPE, expected = wanted, actual = got)
    if (golden.values.isEmpty()) return Comparison(golden.name, null, normError = 0.0, maxError = 0.0)

    val positions = golden.indices ?: golden.values.indices.toList()
    val reference = DoubleArray(positions.size) { golden.values[it].toDouble() }
    val values = DoubleArray(positions.size) { tensor.double(positions[it]) }
    val errors = if (golden.dtype.isFloating) {
        floatErrors(reference, values, tolerance)
    } else {
        exactErrors(golden.values, LongArray(positions.size) { tensor.long(positions[it]) })
    }
    return Comparison(
        output = golden.name,
        reason = errors.reason,
        normError = errors.norm,
        maxError = errors.max,
        cosine = cosine(reference, values),
        top1 = argMax(reference) == argMax(values),
        worstIndex = unravel(positions[errors.worst], golden.shape),
        expected = Compared.Element(golden.values[errors.worst]),
        actual = Compared.Element(if (golden.dtype.isFloating) values[errors.worst] else tensor.long(positions[errors.worst])),
    )
}

private class Errors(val reason: Reason?, val norm: Double?, val max: Double?, val worst: Int)

private fun exactErrors(expected: List<Number>, actual: LongArray): Errors {
    val different = actual.indices.firstOrNull { expected[it].toLong() != actual[it] } ?: return Errors(null, 0.0, 0.0, 0)
    return Errors(Reason.EXACT, null, null, different)
}

private fun floatErrors(b: DoubleArray, a: DoubleArray, tolerance: Tolerance): Errors {
    val odd = b.indices.firstOrNull { !(a[it].isFinite() && b[it].isFinite()) && !sameNonfinite(a[it], b[it]) }
    if (odd != null) return Errors(Reason.NONFINITE, null, null, odd)
    val finite = b.indices.filter { b[it].isFinite() }
    if (finite.isEmpty()) return Errors(null, 0.0, 0.0, 0)

    val worst = finite.maxBy { abs(a[it] - b[it]) }
    val largest = abs(a[worst] - b[worst])
    val scale = finite.maxOf { abs(b[it]) }
    if (scale < ZERO_BELOW) return Errors(Reason.ABSOLUTE.takeIf { largest > tolerance.absolute }, largest, largest, worst)

    // Dividing by the scale first keeps the squares of float64 outputs from overflowing.
    fun length(value: (Int) -> Double) = sqrt(finite.sumOf { (value(it) / scale).let { x -> x * x } })
    val norm = length { a[it] - b[it] } / length { b[it] }
    val max = largest / scale
    val reason = when {
        norm > tolerance.norm -> Reason.NORM
        max > tolerance.max -> Reason.MAX
        else -> null
    }
    return Errors(reason, norm, max, worst)
}

private fun sameNonfinite(a: Double, b: Double) = a == b || (a.isNaN() && b.isNaN())

private fun cosine(a: DoubleArray, b: DoubleArray): Double? {
    val scale = maxOf(a.maxOf { abs(it) }, b.maxOf { abs(it) })
    if (!scale.isFinite() || scale == 0.0) return null
    var dot = 0.0
    var aa = 0.0
    var bb = 0.0
    for (i in a.indices) {
        val x = a[i] / scale
        val y = b[i] / scale
        dot += x * y
        aa += x * x
        bb += y * y
    }
    return (dot / (sqrt(aa) * sqrt(bb))).takeIf { it.isFinite() }
}

private fun argMax(values: DoubleArray): Int =
    values.indices.maxBy { if (values[it].isNaN()) Double.NEGATIVE_INFINITY else values[it] }

private fun unravel(position: Int, shape: List<Int>): List<Int> {
    var rest = position
    return shape.asReversed().map { size -> (rest % size).also { rest /= size } }.asReversed().toList()
}

private fun describe(dtype: DType, shape: List<Int>) = Compared.Text("${dtype.id} $shape")

/** A reference whose largest element is smaller counts as zero: the absolute error decides. */
private const val ZERO_BELOW = 1e-6
