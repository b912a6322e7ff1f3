package dev.edgekit.core.format

/** One axis of a shape in a manifest. */
sealed interface Axis {
    /** Whether an axis of this size fits. */
    fun accepts(size: Int): Boolean

    /** One size. */
    data class Fixed(val size: Int) : Axis {
        override fun accepts(size: Int) = size == this.size

        override fun toString() = "$size"
    }

    /** Any size: no range was proved for this axis. */
    data object Free : Axis {
        override fun accepts(size: Int) = true

        override fun toString() = "*"
    }

    /**
     * The sizes that were proved: the multiples of [multiple] from [min] to [max].
     *
     * @property symbol axes of a method's inputs with the same symbol have equal sizes in a run
     */
    data class Range(val min: Int, val max: Int, val multiple: Int = 1, val symbol: String? = null) : Axis {
        init {
            if (min < 0 || min > max || max > Tensor.MAX_ELEMENTS || multiple < 1) {
                throw PackageException(
                    "an axis has the range min $min, max $max, multiple $multiple; expected " +
                        "0 <= min <= max <= ${Tensor.MAX_ELEMENTS} and a multiple of at least 1. Export it again.",
                )
            }
            if (symbol == "") {
                throw PackageException("an axis has an empty symbol; expected a name or null. Export it again.")
            }
        }

        override fun accepts(size: Int) = size in min..max && size % multiple == 0

        override fun toString(): String {
            val name = if (symbol == null) "" else "$symbol="
            return "$name$min..$max${if (multiple == 1) "" else " by $multiple"}"
        }
    }

    companion object {
        internal fun parse(json: Json): Axis = when {
            json.isNull -> Free
            json.isObject -> Range(
                min = json["min"].int(),
                max = json["max"].int(),
                multiple = json.fields()["multiple"]?.int() ?: 1,
                symbol = json.find("symbol")?.text(),
            )
            else -> Fixed(json.int())
        }
    }
}

/** The first two axes that have one symbol and different sizes, as a text; null if all are equal. */
internal fun unequal(specs: List<TensorSpec>, shapes: List<List<Int>>): String? {
    val seen = HashMap<String, Pair<String, Int>>()
    for ((spec, shape) in specs.zip(shapes)) {
        for ((position, axis) in spec.shape.withIndex()) {
            val symbol = (axis as? Axis.Range)?.symbol ?: continue
            val size = shape[position]
            val here = "axis $position of ${spec.name}"
            val (where, first) = seen.getOrPut(symbol) { here to size }
            if (first != size) return "$where is $first and $here is $size"
        }
    }
    return null
}
