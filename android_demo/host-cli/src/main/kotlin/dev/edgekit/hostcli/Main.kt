package dev.edgekit.hostcli

import dev.edgekit.core.format.ImageException
import dev.edgekit.core.format.InputException
import dev.edgekit.core.format.ModelException
import dev.edgekit.core.format.ModelPackage
import dev.edgekit.core.format.PackageException
import dev.edgekit.core.run.ModelRuntime
import dev.edgekit.core.run.selfTest
import dev.edgekit.host.HostRuntime
import dev.edgekit.lite.LiteModelRuntime
import java.io.File
import kotlin.io.path.Path
import kotlin.system.exitProcess

// Android's own runtime as a process, for `edgekit verify|run|bench --runtime android`:
//
//     java -cp 'lib/*' dev.edgekit.hostcli.MainKt verify JNI_FOLDER CACHE_FOLDER X.ptl
//     java -cp 'lib/*' dev.edgekit.hostcli.MainKt run JNI_FOLDER CACHE_FOLDER X.ptl [--topk N] PICTURE.png...
//         [-o MASK.png] [--overlay OVERLAY.png]
//     java -cp 'lib/*' dev.edgekit.hostcli.MainKt run JNI_FOLDER CACHE_FOLDER X.ptl --input [NAME=]X.npy... [--method M]
//         [--threads N] -o OUT.npy|FOLDER
//     java -cp 'lib/*' dev.edgekit.hostcli.MainKt bench JNI_FOLDER CACHE_FOLDER X.ptl [--method M] [--threads N]
//         [--iterations N] [--warmup N] [--min-seconds S]
//     java -cp 'lib/*' dev.edgekit.hostcli.MainKt prepare ABI_FOLDER CACHE_FOLDER C_COMPILER
//
// --input is repeatable, in the order of the method's parameters or with all their names. Without --threads the pool has the
// app's own size. An OUT.npy gets the output; several outputs put their names before .npy. An existing FOLDER gets NAME.npy for
// each output. Only a segmenter has masks; of several pictures, each puts its name before .png. `prepare` fills the cache for another processor, whose Java then needs no compiler.
// Each other verb prints one JSON document on stdout; errors go to stderr. The exit codes are those of edgekit.

internal const val EXIT_PASS = 0
private const val EXIT_FAILED = 1
internal const val EXIT_USAGE = 2
private const val EXIT_PACKAGE = 3
private const val EXIT_RUNTIME = 4
private const val EXIT_BUG = 70

fun main(arguments: Array<String>) {
    // PyTorch's Java side keeps a thread that is not a daemon, so returning would not end the process.
    exitProcess(execute(arguments.toList()))
}

internal fun execute(arguments: List<String>): Int = try {
    val options = Options.parse(arguments.drop(1))
    when (val verb = arguments.firstOrNull()) {
        "verify" -> verify(open(options))
        "run" -> run(open(options), options)
        "bench" -> bench(open(options), options)
        "prepare" -> prepare(options)
        else -> throw UsageException("the verb is ${verb ?: "missing"}; expected verify, run, bench or prepare.")
    }
} catch (e: UsageException) {
    fail(EXIT_USAGE, e.message.orEmpty())
} catch (e: InputException) {
    fail(EXIT_USAGE, e.message.orEmpty())
} catch (e: ImageException) {
    fail(EXIT_USAGE, e.message.orEmpty())
} catch (e: PackageException) {
    fail(EXIT_PACKAGE, e.message.orEmpty())
} catch (e: ModelException) {
    fail(EXIT_RUNTIME, e.message.orEmpty())
} catch (e: UnsupportedOperationException) {
    fail(EXIT_RUNTIME, e.message.orEmpty())
} catch (e: LinkageError) {
    fail(EXIT_RUNTIME, "Android's library does not load on this machine: ${e.message}")
} catch (e: OutOfMemoryError) {
    fail(EXIT_RUNTIME, "the memory of this machine, or of its Java, is not enough: ${e.message}")
} catch (e: Throwable) { // An exception that leaves main would leave the process hanging, by the thread that is not a daemon.
    e.printStackTrace()
    fail(EXIT_BUG, "a bug of edgekit: $e")
}

private fun open(options: Options): ModelPackage {
    HostRuntime.install(Path(options.positional(0, "JNI_FOLDER")), Path(options.positional(1, "CACHE_FOLDER")))
    return ModelPackage.open(File(options.positional(2, "X.ptl")))
}

/** A package that PyTorch cannot load is a bad package; what goes wrong later is the runtime's failure. */
internal fun load(model: ModelPackage): ModelRuntime = try {
    LiteModelRuntime.load(model)
} catch (e: ModelException) {
    throw PackageException(e.message.orEmpty(), e)
}

private fun verify(model: ModelPackage): Int {
    val report = load(model).use { selfTest(model, it, mapOf("runtime" to RUNTIME_NAME)) }
    println(report.toJson())
    val unproven = report.unproven.joinToString()
    if (unproven.isNotEmpty()) System.err.println(printable("UNPROVEN: $unproven. $UNPROVEN_MEANS"))
    return if (report.passed) EXIT_PASS else EXIT_FAILED
}

private fun prepare(options: Options): Int {
    val (libraries, cache, compiler) = listOf("ABI_FOLDER", "CACHE_FOLDER", "C_COMPILER").mapIndexed(options::positional)
    HostRuntime.prepare(Path(libraries), Path(cache), compiler)
    return EXIT_PASS
}

/** The caller shows the last line. */
internal fun fail(code: Int, message: String): Int {
    System.err.println(printable(message))
    return code
}

/** Names come from the file, and may have characters that control a terminal. */
private fun printable(text: String): String = UNPRINTABLE.replace(text.replace('\n', ' ')) { found ->
    found.value.map { "\\u%04x".format(it.code) }.joinToString("")
}

private val UNPRINTABLE = Regex("\\p{C}")

internal const val RUNTIME_NAME = "android"
private const val UNPROVEN_MEANS = "The cases give almost the same answer, so a wrong model would agree too."
