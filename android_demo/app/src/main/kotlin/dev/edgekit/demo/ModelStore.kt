package dev.edgekit.demo

import android.content.Context
import android.net.Uri
import dev.edgekit.core.format.PackageException
import dev.edgekit.core.format.Problem
import dev.edgekit.core.format.PublicKey
import dev.edgekit.core.format.sha256
import java.io.File
import java.io.IOException
import java.io.InputStream

/** Which model is open; a saved state keeps its text. */
sealed interface ModelSource {
    /** The model that came with the app. */
    data object Bundled : ModelSource {
        override fun toString() = "bundled"
    }

    /** The app's copy of a model that the user chose with the document picker. */
    data object Imported : ModelSource {
        override fun toString() = "imported"
    }

    /** A model that `adb push` brought into the app's external folder. */
    data class Pushed(val name: String) : ModelSource {
        override fun toString() = PUSHED + name
    }

    companion object {
        private const val PUSHED = "pushed "

        fun of(text: String?): ModelSource = when {
            text == Imported.toString() -> Imported
            text != null && text.startsWith(PUSHED) -> Pushed(text.removePrefix(PUSHED))
            else -> Bundled
        }
    }
}

/**
 * The model files. PyTorch reads files only, so assets and content URIs are copied first.
 *
 * @param trusted the key whose signature every model must have; null: that of the app's assets, if there is one
 */
class ModelStore(private val context: Context, private val trusted: PublicKey? = null) {
    private val folder = File(context.filesDir, "models")
    private val importedFile = File(folder, "imported.ptl")

    /** It has the same file name, because that is the name of a model without a manifest. */
    private val fetchedFile = File(folder, "fetched/imported.ptl")

    fun find(source: ModelSource): File = when (source) {
        ModelSource.Bundled -> bundled()
        ModelSource.Imported -> importedFile
        is ModelSource.Pushed -> File(context.getExternalFilesDir(null), File(source.name).name)
    }

    /** The key whose signature every model must have; null in an app that was built without one. */
    fun publicKey(): PublicKey? {
        if (trusted != null) return trusted
        if (KEY_ASSET !in context.assets.list("").orEmpty()) return null
        return PublicKey.parse(asset(KEY_ASSET).use { it.readBytes() }.decodeToString())
    }

    /** Copied once, and again when an update of the app brings another model. */
    private fun bundled(): File {
        val digest = asset(DIGEST_ASSET).use { it.readBytes() }.decodeToString().trim()
        val file = File(folder, "bundled-${digest.take(16)}.ptl")
        if (!file.exists()) {
            folder.listFiles { old -> old.name.startsWith("bundled-") }?.forEach { it.delete() }
            copy(asset(MODEL_ASSET), file)
            val got = file.inputStream().use(::sha256)
            if (got != digest) {
                file.delete()
                throw PackageException("the app's model has sha256 ${got.take(16)}…, expected ${digest.take(16)}…. Install the app again.")
            }
        }
        return file
    }

    private fun asset(name: String): InputStream = try {
        context.assets.open(name)
    } catch (e: IOException) {
        throw PackageException("this app was built without a model. Build it with: make android-apk MODEL=…", e, Problem.APP_WITHOUT_MODEL)
    }

    /** Copies a chosen model; [keepFetched] lets it replace the last one. */
    fun fetch(uri: Uri): File {
        val stream = reading { context.contentResolver.openInputStream(uri) } ?: throw unreadable("it does not exist any more", null)
        copy(stream, fetchedFile)
        return fetchedFile
    }

    fun keepFetched() = rename(fetchedFile, importedFile)

    private fun copy(source: InputStream, target: File) {
        val partial = File(target.path + ".part")
        try {
            source.use { input -> write(input, partial) }
            rename(partial, target)
        } finally {
            partial.delete()
        }
    }

    private fun write(source: InputStream, target: File) {
        val chunk = ByteArray(1 shl 16)
        storing {
            target.parentFile?.mkdirs()
            target.outputStream().use { output ->
                while (true) {
                    val count = reading { source.read(chunk) }
                    if (count < 0) break
                    output.write(chunk, 0, count)
                }
            }
        }
    }

    private fun rename(from: File, to: File) = storing {
        if (!from.renameTo(to)) throw IOException("cannot rename ${from.name}")
    }

    /** Another app's provider may throw any exception. */
    private inline fun <T> reading(block: () -> T): T = try {
        block()
    } catch (e: IOException) {
        throw unreadable(e.message, e)
    } catch (e: RuntimeException) {
        throw unreadable(e.message, e)
    }

    private fun unreadable(why: String?, cause: Exception?) =
        PackageException("the chosen file cannot be read ($why). Choose it again.", cause, Problem.FILE_UNREADABLE)

    private inline fun storing(block: () -> Unit) = try {
        block()
    } catch (e: IOException) {
        throw PackageException("the model cannot be copied to the app's storage (${e.message}). Free some space and try again.", e, Problem.STORAGE)
    }

    private companion object {
        const val KEY_ASSET = "public_key.pem"
        const val MODEL_ASSET = "model.ptl"
        const val DIGEST_ASSET = "model.sha256"
    }
}
