package dev.edgekit.lite

import dev.edgekit.core.format.DType
import dev.edgekit.core.format.ModelException
import dev.edgekit.core.format.ModelPackage
import dev.edgekit.core.format.Outputs
import dev.edgekit.core.format.Tensor
import dev.edgekit.core.run.ModelLoader
import dev.edgekit.core.run.ModelRuntime
import java.io.File
import org.pytorch.Device
import org.pytorch.IValue
import org.pytorch.LiteModuleLoader
import org.pytorch.Module
import org.pytorch.Tensor as TorchTensor

/** A `.ptl` on PyTorch's lite interpreter for Android. */
class LiteModelRuntime private constructor(private val module: Module, override val extraFiles: Map<String, String>) :
    ModelRuntime {
    private var closed = false

    override fun run(method: String, inputs: List<Tensor>): Outputs {
        check(!closed) { "this model is closed" }
        val arguments = inputs.map { IValue.from(it.toTorch()) }.toTypedArray()
        val result = nativeCall({ "the model's method '$method' failed" }) { module.runMethod(method, *arguments) }
        return nativeCall({ "an output of '$method' cannot be read on Android" }) { flatten(result) }
    }

    override fun setThreads(count: Int) = PyTorchThreads.set(count)

    override fun close() {
        if (!closed) module.destroy()
        closed = true
    }

    companion object : ModelLoader {
        private val EXTRA_FILES = listOf("edgekit/manifest.json", "edgekit/golden.json", "edgekit/labels.txt")

        /** The one engine for quantized weights in PyTorch's library for Android, which sets it by itself. */
        private const val QUANTIZED_ENGINE = "qnnpack"

        override fun load(model: ModelPackage): LiteModelRuntime {
            val engine = model.manifest?.quantizedEngine
            if (engine != null && engine != QUANTIZED_ENGINE) {
                throw ModelException(
                    "${model.file.name} has quantized weights for the engine $engine; PyTorch for Android has " +
                        "$QUANTIZED_ENGINE alone. Export the model with --quantized-engine $QUANTIZED_ENGINE.",
                )
            }
            return load(model.file)
        }

        internal fun load(file: File): LiteModelRuntime {
            // The loader fills in these names, and leaves a text empty where the file lacks it.
            val extraFiles = EXTRA_FILES.associateWithTo(HashMap()) { "" }
            val module = nativeCall({ "PyTorch cannot load ${file.name}" }) {
                LiteModuleLoader.load(file.path, extraFiles, Device.CPU)
            }
            return LiteModelRuntime(module, extraFiles.filterValues { it.isNotEmpty() })
        }
    }
}

/** PyTorch reports every error as a RuntimeException with a C++ stack trace; the first line says what happened. */
private inline fun <T> nativeCall(what: () -> String, call: () -> T): T = try {
    call()
} catch (e: RuntimeException) {
    throw ModelException("${what()}: ${e.message.orEmpty().lineSequence().first()}", e)
}

private fun Tensor.toTorch(): TorchTensor {
    val dims = shape.map { it.toLong() }.toLongArray()
    return when (dtype) {
        DType.UINT8 -> TorchTensor.fromBlobUnsigned(bytes, dims)
        DType.INT8 -> TorchTensor.fromBlob(bytes, dims)
        DType.INT32 -> TorchTensor.fromBlob(ints(), dims)
        DType.INT64 -> TorchTensor.fromBlob(longs(), dims)
        DType.FLOAT32 -> TorchTensor.fromBlob(floats(), dims)
        DType.FLOAT64 -> TorchTensor.fromBlob(doubles(), dims)
        DType.BOOL -> throw ModelException("PyTorch for Android does not take bool tensors. Give the model a uint8 input instead.")
    }
}
