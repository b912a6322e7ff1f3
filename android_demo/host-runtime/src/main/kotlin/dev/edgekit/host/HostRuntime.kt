package dev.edgekit.host

import com.facebook.soloader.nativeloader.NativeLoader
import com.facebook.soloader.nativeloader.NativeLoaderDelegate
import java.io.IOException
import java.nio.file.Files
import java.nio.file.Path
import java.nio.file.StandardCopyOption
import java.security.MessageDigest
import kotlin.io.path.Path
import kotlin.io.path.createDirectories
import kotlin.io.path.deleteIfExists
import kotlin.io.path.exists
import kotlin.io.path.fileSize
import kotlin.io.path.getLastModifiedTime
import kotlin.io.path.readBytes
import kotlin.io.path.readText
import kotlin.io.path.writeBytes
import kotlin.io.path.writeText

/**
 * Android's own PyTorch library in a desktop JVM, for tests and for `verify --runtime android`.
 *
 * [install] makes patched copies of the AAR's libraries beside a small shim for bionic, and makes PyTorch's Java classes
 * load those. Call it before the first class of `org.pytorch` is touched. PyTorch's Java side keeps a thread that is not a
 * daemon, so a `main` has to end with `exitProcess`.
 */
object HostRuntime {
    private const val SHIM = "libbionic_shim.so"

    /** For arm64, loaded with LD_PRELOAD: see its source. */
    private const val TLS = "libbionic_tls.so"

    /** The name under which the libraries ask for the shim. */
    private const val BIONIC_LIBC = "libc.so"

    /** The file that says from which files the copies were made. */
    private const val KEY = "key"
    private val OWN_PARTS = listOf("/bionic_shim.c", "/bionic_tls.c", "ElfPatch.class", "HostRuntime.class")
    private val LIBRARIES = listOf("libc++_shared.so", "libfbjni.so", "libpytorch_jni_lite.so")

    /** Why this machine cannot run Android's library, or null where it can. */
    fun unsupportedReason(): String? = when {
        System.getProperty("os.name") != "Linux" -> "Android's library runs on Linux hosts only; this host is ${System.getProperty("os.name")}"
        androidAbi() == null -> "there is no Android library for this processor (${System.getProperty("os.arch")}); expected amd64 or aarch64"
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
     * @param into a folder for the copies; they are made again when the AAR or this module has changed
     * @throws UnsupportedOperationException where this machine cannot run them
     */
    @Synchronized
    fun install(jni: Path, into: Path) {
        unsupportedReason()?.let { throw UnsupportedOperationException(it) }
        if (NativeLoader.isInitialized()) return
        val libraries = jni.resolve(androidAbi()!!)
        if (into.resolve(KEY).let { !it.exists() || it.readText() != key(libraries) }) prepare(libraries, into)
        NativeLoader.init(HostDelegate(into.toAbsolutePath()))
    }

    /** Makes the patched copies and the shim; [compiler] builds for the processor that will run them. */
    fun prepare(libraries: Path, into: Path, compiler: String = System.getenv("CC") ?: "cc") {
        into.createDirectories()
        into.resolve(KEY).deleteIfExists()
        LIBRARIES.forEach { name ->
            val library = libraries.resolve(name).readBytes()
            ElfPatch.apply(library, keptNeeded = LIBRARIES.toSet() + BIONIC_LIBC)
            replace(into.resolve(name)) { it.writeBytes(library) }
        }
        compile(compiler, "bionic_shim.c", into.resolve(SHIM), "-Wl,-soname,$BIONIC_LIBC", "-Wl,--no-as-needed", "-lm")
        compile(compiler, "bionic_tls.c", into.resolve(TLS))
        replace(into.resolve(KEY)) { it.writeText(key(libraries)) }
    }

    /** A digest of the sources of the copies. The AAR's libraries count by date and size, because reading 50 MB takes too long. */
    private fun key(libraries: Path): String {
        val digest = MessageDigest.getInstance("SHA-256")
        for (name in OWN_PARTS) digest.update(checkNotNull(javaClass.getResource(name)) { "$name is missing from the class path" }.readBytes())
        for (name in LIBRARIES) {
            val library = libraries.resolve(name)
            digest.update("$name ${library.fileSize()} ${library.getLastModifiedTime()}".encodeToByteArray())
        }
        return digest.digest().joinToString("") { "%02x".format(it) }
    }

    private fun compile(compiler: String, name: String, target: Path, vararg flags: String) {
        val source = checkNotNull(javaClass.getResource("/$name")) { "$name is missing from the class path" }
        val include = Path(System.getProperty("java.home"), "include")
        val common = listOf("-x", "c", "-", "-shared", "-fPIC", "-O1", "-fno-builtin", "-Wall", "-Werror", "-I$include", "-I$include/linux")
        replace(target) { partial ->
            val process = start(listOf(compiler) + common + flags + listOf("-o", "$partial"))
            process.outputStream.use { stdin -> source.openStream().use { it.copyTo(stdin) } }
            val output = process.inputReader().readText()
            if (process.waitFor() != 0) throw UnsupportedOperationException("$compiler cannot build $name: ${output.trim()}")
        }
    }

    private fun start(command: List<String>): Process = try {
        ProcessBuilder(command).redirectErrorStream(true).start()
    } catch (e: IOException) {
        throw UnsupportedOperationException("Android's library needs a C compiler on the host: ${e.message}. Install one, or name it in CC.", e)
    }

    /** Another process may do the same, so this writes a file beside it and renames it. */
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
