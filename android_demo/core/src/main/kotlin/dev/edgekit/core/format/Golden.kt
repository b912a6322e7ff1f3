package dev.edgekit.core.format

/**
 * One recorded run of the source model: how to make its inputs, and the outputs of the model.
 *
 * @property tolerance the case's own bounds; null where the package's bounds apply
 */
data class GoldenCase(
    val name: String,
    val method: String,
    val inputs: List<GeneratedInput>,
    val outputs: List<GoldenOutput>,
    val tolerance: Tolerance?,
)

/** A tensor that [generate] makes from a seed and a range. */
data class GeneratedInput(val name: String, val dtype: DType, val shape: List<Int>, val seed: Long, val low: Double, val high: Double) {
    init {
        Tensor.elementCount(shape) // Refuses impossible shapes before memory is allocated.
    }

    companion object {
        fun parse(json: Json) = GeneratedInput(
            name = json["name"].text(),
            dtype = DType.of(json["dtype"].text()),
            shape = json["shape"].items().map { it.int() },
            seed = json["seed"].long(),
            low = json["low"].double(),
            high = json["high"].double(),
        )
    }
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
                inputs = case["inputs"].items().map(GeneratedInput::parse),
                outputs = case["outputs"].items().map(GoldenOutput::parse),
                tolerance = case.find("tolerance")?.let(Tolerance::parse),
            )
        }
    }
}
