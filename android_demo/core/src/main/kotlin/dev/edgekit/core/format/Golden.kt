package dev.edgekit.core.format

/**
 * One recorded run of the source model: its inputs, and the outputs of the model.
 *
 * @property tolerance the case's own bounds; null where the package's bounds apply
 * @property structure the case's own structure; null where the method's applies
 */
data class GoldenCase(
    val name: String,
    val method: String,
    val inputs: List<GoldenInput>,
    val outputs: List<GoldenOutput>,
    val tolerance: Tolerance?,
    val structure: String? = null,
) {
    init {
        requireUnique("input", "golden case '$name'", inputs.map { it.name })
        requireUnique("output", "golden case '$name'", outputs.map { it.name })
        outputs.firstOrNull { it.isBlind && !mayListNone(it) }?.let {
            throw PackageException("golden case '$name' lists no element of output '${it.name}', so it would pass on other weights")
        }
    }

    /** Rounding can swap all ranks of a picture, so the indices of `predict` may have no element. */
    private fun mayListNone(output: GoldenOutput) = method == "predict" && output.name == "1"
}

/**
 * @property indices the flat positions that [values] are for; null for all
 * @property values doubles, or longs for integers and booleans
 */
data class GoldenOutput(val name: String, val dtype: DType, val shape: List<Int>, val indices: List<Int>?, val values: List<Number>) {
    init {
        val size = Tensor.elementCount(shape)
        if (values.size != (indices?.size ?: size) || indices.orEmpty().any { it !in 0 until size }) {
            throw PackageException("golden output '$name': ${values.size} values do not fit shape $shape and indices ${indices?.size ?: "none"}")
        }
    }

    /** Whether it lists none of its elements, so that every answer would agree. */
    internal val isBlind: Boolean get() = values.isEmpty() && 0 !in shape

    companion object {
        fun parse(json: Json): GoldenOutput {
            val dtype = DType.of(json["dtype"].text())
            return GoldenOutput(
                name = json["name"].text(),
                dtype = dtype,
                shape = json["shape"].items().map { it.int() },
                indices = json.find("indices")?.items()?.map { it.int() },
                values = json["values"].items().map { if (dtype.isFloating) rounded(it.double(), dtype) else it.long() },
            )
        }

        private fun rounded(value: Double, dtype: DType) = if (dtype == DType.FLOAT32) value.toFloat().toDouble() else value
    }
}

object Goldens {
    fun parse(text: String): List<GoldenCase> {
        val json = Json.parse(text, "golden.json")
        Manifest.requireReadable(json, "golden.json")
        return json["cases"].items().map { case ->
            GoldenCase(
                name = case["name"].text(),
                method = case["method"].text(),
                inputs = case["inputs"].items().map(GoldenInput::parse),
                outputs = case["outputs"].items().map(GoldenOutput::parse),
                tolerance = case.find("tolerance")?.let(Tolerance::parse),
                structure = case.find("structure")?.text(),
            )
        }
    }
}
