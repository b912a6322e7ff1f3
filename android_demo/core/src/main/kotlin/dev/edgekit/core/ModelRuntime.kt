package dev.edgekit.core

import java.io.File

/** A loaded model. It is not thread-safe: one run at a time; models are independent of each other. */
interface ModelRuntime : AutoCloseable {
    /** Runs one of the model's methods on tensors, in the order of its parameters. */
    fun run(method: String, inputs: List<Tensor>): Outputs

    /** Sets the size of the thread pool, which all models of the process share. */
    fun setThreads(count: Int)
}

/** Phones mix fast and slow cores; more than four threads rarely help, and heat up the phone. */
fun defaultThreads(): Int = minOf(4, Runtime.getRuntime().availableProcessors())

/** Opens a model file with some runtime. */
fun interface ModelLoader {
    /**
     * @throws ModelException when the runtime refuses the file
     */
    fun load(file: File): ModelRuntime
}
