package dev.edgekit.host

import com.facebook.soloader.nativeloader.NativeLoader
import com.facebook.soloader.nativeloader.NativeLoaderDelegate
import java.nio.file.Files
import java.nio.file.Path
import java.nio.file.StandardCopyOption
import kotlin.io.path.Path
import kotlin.io.path.createDirectories
import kotlin.io.path.exists
import kotlin.io.path.readBytes
import kotlin.io.path.writeBytes

/**
 * Android's own PyTorch library in a desktop JVM, for tests and for `verify --runtime android`.
 *
 * [install] makes patched copies of the AAR's libraries beside a small shim for bionic, and tells PyTorch's Java classes to
 * load those. Call it before the first class of `org.pytorch` is touched. PyTorch's Java side keeps a thread that is no
 * daemon, so a `main` has to end by `exitProcess`.
 */
object HostRuntime {
    private const val SHIM = "libbionic_shim.so"

    /** For arm64, by LD_PRELOAD: see its source. */
    private const val TLS = "libbionic_tls.so"

    /** The name under which the libraries ask for the shim. */
    private const val BIONIC_LIBC = "libc.so"
    private val LIBRARIES = listOf("libc++_shared.so", "libfbjni.so", "libpytorch_jni_lite.so")

    /** Why this machine cannot run Android's library, or null where it can. */
    fun unsupportedReason(): String? = when {
        System.getProperty("os.name") != "Linux" -> "Android's library runs on Linux hosts only, this is ${System.getProperty("os.name")}"
        androidAbi() == null -> "no Android library fits this processor (${System.getProperty("os.arch")}); amd64 and aarch64 do"
        !hasGlibc() -> "Android's library needs glibc on the host (its libc.so.6 was not found)"
        else -> null
    }

    /** Android's name of this processor, or null. */
    fun androidAbi(): String? = when (System.getProperty("os.arch")) {
        "amd64" -> "x86_64"
        "aarch64" -> "arm64-v8a"
        else -> null
    }

    /**
     * Prepares the libraries in [into] and makes PyTorch's classes use them.
     *
     * @param jni the unpacked AAR's `jni` folder, with one folder for each ABI
     * @param into a folder for the copies; what is already there is kept
     */
    @Synchronized
    fun install(jni: Path, into: Path) {
        unsupportedReason()?.let { throw UnsupportedOperationException(it) }
        if (NativeLoader.isInitialized()) return
        prepare(jni.resolve(androidAbi()!!), into)
        NativeLoader.init(HostDelegate(into.toAbsolutePath()))
    }

    /** Makes the patched copies and the shim; [compiler] builds for the processor that will run them. */
    fun prepare(libraries: Path, into: Path, compiler: String = System.getenv("CC") ?: "cc") {
        into.createDirectories()
        LIBRARIES.filterNot { into.resolve(it).exists() }.forEach { name ->
            val library = libraries.resolve(name).readBytes()
            ElfPatch.apply(library, keptNeeded = LIBRARIES.toSet() + BIONIC_LIBC)
            replace(into.resolve(name)) { it.writeBytes(library) }
        }
        compile(compiler, "bionic_shim.c", into.resolve(SHIM), "-Wl,-soname,$BIONIC_LIBC", "-Wl,--no-as-needed", "-lm")
        compile(compiler, "bionic_tls.c", into.resolve(TLS))
    }

    private fun compile(compiler: String, name: String, target: Path, vararg flags: String) {
        if (target.exists()) return
        val source = checkNotNull(javaClass.getResource("/$name")) { "$name is missing from the class path" }
        val include = Path(System.getProperty("java.home"), "include")
        val common = listOf("-x", "c", "-", "-shared", "-fPIC", "-O1", "-fno-builtin", "-Wall", "-Werror", "-I$include", "-I$include/linux")
        replace(target) { partial ->
            val process = ProcessBuilder(listOf(compiler) + common + flags + listOf("-o", "$partial")).redirectErrorStream(true).start()
            process.outputStream.use { stdin -> source.openStream().use { it.copyTo(stdin) } }
            val output = process.inputReader().readText()
            check(process.waitFor() == 0) { "$compiler cannot build $name:\n$output" }
        }
    }

    /** Another process may be doing the same: write beside it, then rename. */
    private fun replace(target: Path, write: (Path) -> Unit) {
        val partial = Files.createTempFile(target.parent, target.fileName.toString(), ".part")
        write(partial)
        Files.move(partial, target, StandardCopyOption.ATOMIC_MOVE)
    }

    private fun hasGlibc() = listOf("/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu", "/lib64", "/lib", "/usr/lib64", "/usr/lib")
        .any { Path(it, "libc.so.6").exists() }

    private class HostDelegate(private val folder: Path) : NativeLoaderDelegate {
        init {
            System.load(folder.resolve(SHIM).toString())
        }

        override fun loadLibrary(name: String, flags: Int): Boolean {
            System.load(folder.resolve("lib$name.so").toString())
            return true
        }

        override fun getLibraryPath(name: String): String = folder.resolve("lib$name.so").toString()

        override fun getSoSourcesVersion(): Int = 1
    }
}
