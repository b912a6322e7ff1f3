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
    val quantizedEngine: String?,
    val task: String = LABELS,
) {
    init {
        requireUnique("method", "the package", methods.map { it.name })
    }

    /** The outputs that a wrong model could give too, for example `forward: 0`. */
    val unproven: List<String>
        get() = methods.flatMap { method ->
            method.outputs.filter { it.proof == Proof.UNPROVEN }.map { "${method.name}: ${it.name}" }
        }

    /** Whether there is a `predict` that takes a photograph and gives something that this reader knows. */
    val takesPictures: Boolean get() = resize != null && task in TASKS && methods.any { it.name == "predict" }

    fun method(name: String): MethodSpec = methods.find { it.name == name }
        ?: throw PackageException("${this.name} has no method '$name'; it has ${methods.joinToString { it.name }}")

    companion object {
        /** The [task] of an image classifier. */
        const val LABELS = "labels"

        /** The [task] of a segmenter, whose `predict` gives the class of each pixel. */
        const val MASK = "mask"
        internal val TASKS = listOf(LABELS, MASK)
        private const val MAJOR = 2
        private const val MOST_THREADS = 1024
        private val QUANTIZED_ENGINES = listOf("fbgemm", "x86", "onednn", "qnnpack")
        private val VERSION = Regex("([0-9]{1,6})\\.[0-9]{1,6}")

        fun parse(text: String): Manifest {
            val json = Json.parse(text, "manifest.json")
            requireReadable(json, "the package")
            return Manifest(
                name = json["name"].text(),
                source = json["provenance"]["source"].text(),
                weights = json["provenance"]["weights"].let { Weights(it["kind"].text(), it.find("seed")?.long()) },
                methods = json["methods"].items().map(MethodSpec::parse),
                resize = json.find("image")?.get("resize")?.int(),
                tolerance = Tolerance.parse(json["tolerance"]),
                threads = json["runtime"].find("threads")?.int()?.also(::requireThreads),
                records = json["records"].fields().mapValues { it.value.text() },
                quantizedEngine = json["runtime"].find("quantized_engine")?.text()?.also(::requireKnownEngine),
                task = json.find("image")?.find("task")?.text() ?: LABELS,
            )
        }

        private fun requireThreads(threads: Int) {
            if (threads !in 1..MOST_THREADS) throw PackageException("runtime.threads is $threads; expected 1 to $MOST_THREADS. Export it again.")
        }

        private fun requireKnownEngine(engine: String) {
            if (engine !in QUANTIZED_ENGINES) {
                val known = QUANTIZED_ENGINES.joinToString()
                throw PackageException("quantized_engine is '$engine'; expected one of $known. Export it again.")
            }
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

/** Refuses two [what]s of one name. */
internal fun requireUnique(what: String, where: String, names: List<String>) {
    val twice = names.groupingBy { it }.eachCount().entries.firstOrNull { it.value > 1 }?.key ?: return
    throw PackageException("$where has two ${what}s named '$twice'; expected one. Export it again.")
}

/** @property kind `named`, `checkpoint`, `random`, `factory` or `embedded` */
data class Weights(val kind: String, val seed: Long?) {
    val areRandom: Boolean get() = kind == "random"
}

/** @property structure null where it depends on the data; then [outputs] are those of one case */
data class MethodSpec(
    val name: String,
    val structure: String?,
    val inputs: List<TensorSpec>,
    val outputs: List<TensorSpec>,
) {
    init {
        requireUnique("input", "method '$name'", inputs.map { it.name })
        requireUnique("output", "method '$name'", outputs.map { it.name })
    }

    /**
     * Checks inputs, because the native code accepts wrong ones silently.
     *
     * @throws InputException for another count, dtype, rank or size than the manifest has, and for sizes that are not
     *     equal where one symbol stands for both
     */
    fun check(tensors: List<Tensor>) {
        if (tensors.size != inputs.size) {
            throw InputException("method '$name' got ${tensors.size} inputs; expected ${inputs.size} (${inputs.joinToString()})")
        }
        inputs.zip(tensors).forEach { (spec, tensor) ->
            if (!spec.fits(tensor)) {
                val got = "${tensor.dtype.id} ${tensor.shape}"
                throw InputException("input '${spec.name}' is $got; expected $spec. Convert or reshape it.")
            }
        }
        unequal(inputs, tensors.map { it.shape })?.let {
            throw InputException("method '$name': $it; expected equal sizes. Pad or cut the inputs.")
        }
    }

    /** Refuses outputs that differ from the manifest. A run may have others where the structure depends on the data. */
    fun check(given: Outputs) {
        if (structure == null) return
        for (spec in outputs) {
            val tensor = given[spec.name]
            if (!spec.fits(tensor)) {
                val got = "${tensor.dtype.id} ${tensor.shape}"
                throw ModelException("output '${spec.name}' of '$name' is $got; expected $spec. Run the self-test.")
            }
        }
    }

    /**
     * The tensors of a golden case of this method.
     *
     * @throws InputException where the case does not fit the method
     */
    fun inputsOf(case: GoldenCase): List<Tensor> = case.inputs.map(::generate).also(::check)

    companion object {
        internal fun parse(json: Json) = MethodSpec(
            name = json["name"].text(),
            structure = json.nullable("structure")?.text(),
            inputs = json["inputs"].items().map(TensorSpec::parse),
            outputs = json["outputs"].items().map(TensorSpec::parse),
        )
    }
}

/** What the golden cases prove about an output; [id] is its name in the manifest. */
enum class Proof(val id: String) {
    /** The answers differ between the cases, so a wrong model fails. */
    VARIES("varies"),

    /** The output does not depend on the inputs. */
    CONSTANT("constant"),

    /** The answers hardly differ, so a wrong model would agree too. */
    UNPROVEN("unproven"),
    ;

    companion object {
        internal fun of(id: String): Proof = entries.find { it.id == id }
            ?: throw PackageException("unknown proof '$id'; expected one of ${entries.joinToString { it.id }}.")
    }
}

/** @property proof of an output; null counts as [Proof.VARIES] */
data class TensorSpec(val name: String, val dtype: DType, val shape: List<Axis>, val proof: Proof? = null) {
    init {
        Tensor.elementCount(shape.filterIsInstance<Axis.Fixed>().map { it.size })
    }

    override fun toString() = "$name: ${dtype.id} $shape"

    internal fun fits(tensor: Tensor) = tensor.dtype == dtype && tensor.shape.size == shape.size &&
        shape.zip(tensor.shape).all { (axis, size) -> axis.accepts(size) }

    companion object {
        internal fun parse(json: Json) = TensorSpec(
            name = json["name"].text(),
            dtype = DType.of(json["dtype"].text()),
            shape = json["shape"].items().map(Axis::parse),
            proof = json.find("proof")?.text()?.let(Proof::of),
        )
    }
}

/**
 * Bounds on the relative errors, and on the absolute error where the reference is close to zero.
 *
 * @property loosened whether the user asked for bounds above the default
 */
data class Tolerance(val norm: Double, val max: Double, val absolute: Double, val loosened: Boolean = false) {
    val largest: Double get() = maxOf(norm, max, absolute)

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
            return Tolerance(bound("norm"), bound("max"), bound("absolute"), json.find("loosened")?.boolean() ?: false)
        }
    }
}
