package dev.edgekit.core.format

/** The part of a package's manifest that a device needs; `docs/format.md` describes all of it. */
data class Manifest(
    val name: String,
    val source: String,
    val weights: Weights,
    val methods: List<MethodSpec>,
    val resize: Int?,
    val tolerance: Tolerance,
    val threads: Int?,
    val records: Map<String, String>,
) {
    /** Whether there is a `predict` that takes a photograph. */
    val classifiesImages: Boolean get() = resize != null && methods.any { it.name == "predict" }

    fun method(name: String): MethodSpec = methods.find { it.name == name }
        ?: throw PackageException("${this.name} has no method '$name'; it has ${methods.joinToString { it.name }}")

    companion object {
        private const val MAJOR = 1
        private const val MOST_THREADS = 1024
        private val VERSION = Regex("([0-9]{1,6})\\.[0-9]{1,6}")

        fun parse(text: String): Manifest {
            val json = Json.parse(text, "manifest.json")
            requireReadable(json, "the package")
            val methods = json["methods"].items().map(MethodSpec::parse)
            requireUnique("method", methods.map { it.name })
            return Manifest(
                name = json["name"].text(),
                source = json["provenance"]["source"].text(),
                weights = json["provenance"]["weights"].let { Weights(it["kind"].text(), it.find("seed")?.long()) },
                methods = methods,
                resize = json.find("image")?.get("resize")?.int(),
                tolerance = Tolerance.parse(json["tolerance"]),
                threads = json["runtime"].find("threads")?.int()?.also(::requireThreads),
                records = json["records"].fields().mapValues { it.value.text() },
            )
        }

        private fun requireThreads(threads: Int) {
            if (threads !in 1..MOST_THREADS) throw PackageException("runtime.threads is $threads; expected 1 to $MOST_THREADS. Export it again.")
        }

        internal fun requireUnique(what: String, names: List<String>) {
            val twice = names.groupingBy { it }.eachCount().entries.firstOrNull { it.value > 1 }?.key ?: return
            throw PackageException("the package has two ${what}s named '$twice'; expected one. Export it again.")
        }

        /** Refuses a document of a newer major version; older ones and newer minor ones are readable. */
        internal fun requireReadable(json: Json, what: String) {
            val version = json["schema_version"].text()
            val match = VERSION.matchEntire(version)
                ?: throw PackageException("$what has schema_version '$version'; expected MAJOR.MINOR, for example $MAJOR.0. Export it again.")
            if (match.groupValues[1].toInt() > MAJOR) {
                throw PackageException("$what has schema_version $version; this reader takes $MAJOR.x and older. Update it or export again.")
            }
        }
    }
}

/** @property kind `named`, `checkpoint`, `random` or `embedded` */
data class Weights(val kind: String, val seed: Long?) {
    val areRandom: Boolean get() = kind == "random"
}

data class MethodSpec(val name: String, val structure: String, val inputs: List<TensorSpec>, val outputs: List<TensorSpec>) {
    /**
     * Checks inputs, because the native code accepts wrong ones silently.
     *
     * @throws InputException for another count, dtype, rank or fixed axis than the manifest has
     */
    fun check(tensors: List<Tensor>) {
        if (tensors.size != inputs.size) {
            throw InputException("method '$name' got ${tensors.size} inputs; expected ${inputs.size} (${inputs.joinToString()})")
        }
        inputs.zip(tensors).forEach { (spec, tensor) ->
            if (!spec.fits(tensor)) throw InputException("input '${spec.name}' is ${tensor.dtype.id} ${tensor.shape}; expected $spec")
        }
    }

    /** Refuses outputs that differ from the manifest. */
    fun check(given: Outputs) = outputs.forEach { spec ->
        val tensor = given[spec.name]
        if (!spec.fits(tensor)) throw ModelException("output '${spec.name}' of '$name' is ${tensor.dtype.id} ${tensor.shape}; expected $spec")
    }

    companion object {
        internal fun parse(json: Json) = MethodSpec(
            name = json["name"].text(),
            structure = json["structure"].text(),
            inputs = json["inputs"].items().map(TensorSpec::parse),
            outputs = json["outputs"].items().map(TensorSpec::parse),
        ).also {
            Manifest.requireUnique("input", it.inputs.map(TensorSpec::name))
            Manifest.requireUnique("output", it.outputs.map(TensorSpec::name))
        }
    }
}

/** @property shape the axes; null is an axis of any size */
data class TensorSpec(val name: String, val dtype: DType, val shape: List<Int?>) {
    init {
        Tensor.elementCount(shape.filterNotNull())
    }

    override fun toString() = "$name: ${dtype.id} [${shape.joinToString { it?.toString() ?: "*" }}]"

    internal fun fits(tensor: Tensor) = tensor.dtype == dtype && tensor.shape.size == shape.size &&
        shape.zip(tensor.shape).all { (want, got) -> want == null || want == got }

    companion object {
        internal fun parse(json: Json) = TensorSpec(
            name = json["name"].text(),
            dtype = DType.of(json["dtype"].text()),
            shape = json["shape"].items().map { if (it.isNull) null else it.int() },
        )
    }
}

/** Bounds on the relative errors, and on the absolute error where the reference is close to zero. */
data class Tolerance(val norm: Double, val max: Double, val absolute: Double) {
    init {
        for ((name, bound) in mapOf("norm" to norm, "max" to max, "absolute" to absolute)) {
            // False for NaN, with which every comparison would pass.
            if (!(bound >= 0 && bound.isFinite())) throw PackageException("tolerance $name is $bound; expected a number of at least 0")
        }
    }

    companion object {
        private const val DEFAULT = 1e-5

        fun parse(json: Json): Tolerance {
            fun bound(name: String) = json.find(name)?.double() ?: DEFAULT
            return Tolerance(bound("norm"), bound("max"), bound("absolute"))
        }
    }
}
