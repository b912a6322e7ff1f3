package dev.edgekit.core.run

import dev.edgekit.core.format.ModelPackage
import dev.edgekit.core.format.Outputs
import dev.edgekit.core.format.Tensor

/** A loaded model. It is not thread-safe: one run at a time; models are independent of each other. */
interface ModelRuntime : AutoCloseable {
    /** The package's text files (manifest, golden cases, labels) by name, as the runtime returns them. */
    val extraFiles: Map<String, String>

    /** Runs one of the model's methods on tensors, in the order of its parameters. */
    fun run(method: String, inputs: List<Tensor>): Outputs

    /** Sets the size of the thread pool, which all models of the process share. */
    fun setThreads(count: Int)
}

/** Phones have fast and slow cores; more than four threads rarely help, and they heat up the phone. */
fun defaultThreads(): Int = minOf(4, Runtime.getRuntime().availableProcessors())

/** Keeps the time of the first run after loading, of any method: that run prepares weights and is slower. */
class FirstRunTimer(private val runtime: ModelRuntime) : ModelRuntime by runtime {
    /** Null until something has run. */
    var firstMs: Double? = null
        private set

    override fun run(method: String, inputs: List<Tensor>): Outputs {
        val (outputs, ms) = timed { runtime.run(method, inputs) }
        if (firstMs == null) firstMs = ms
        return outputs
    }
}

/** Loads a package with some runtime. */
fun interface ModelLoader {
    /**
     * @throws ModelException when the runtime refuses the package
     */
    fun load(model: ModelPackage): ModelRuntime
}
