package dev.edgekit.lite

import org.pytorch.PyTorchAndroid

/**
 * The one place that differs between versions of the runtime: 1.12.2 sets the threads through `PyTorchAndroid`, and
 * 2.1.0 renamed that class to `LitePyTorchAndroid`.
 */
internal object PyTorchThreads {
    fun set(count: Int) = PyTorchAndroid.setNumThreads(count)
}
