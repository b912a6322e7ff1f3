import dev.edgekit.core.format.ModelPackage
import dev.edgekit.core.run.ModelLoader
import dev.edgekit.core.run.selfTest
import dev.edgekit.lite.LiteModelRuntime
import java.io.File

/** Reads a package on any JVM. */
fun main(arguments: Array<String>) {
    val model = ModelPackage.open(File(arguments[0]))
    println("${model.name}: ${model.requireManifest().methods.joinToString { it.name }}; ${model.labels.size} labels, ${model.goldens.size} cases")
}

/** What an Android app does with it; PyTorch's library is in the AAR that comes with runtime-lite. */
fun verify(file: File, loader: ModelLoader = LiteModelRuntime): Boolean {
    val model = ModelPackage.open(file)
    return loader.load(model).use { selfTest(model, it).passed }
}
