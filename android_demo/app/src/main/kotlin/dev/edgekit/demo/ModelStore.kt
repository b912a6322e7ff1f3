package dev.edgekit.demo

import android.content.Context
import android.net.Uri
import dev.edgekit.core.PackageException
import dev.edgekit.core.sha256
import java.io.File
import java.io.IOException
import java.io.InputStream

/** Where model files lie: PyTorch reads files, not assets and not content URIs, so both are copied first. */
class ModelStore(private val context: Context) {
    private val folder = File(context.filesDir, "models")

    /** The model that came with the app; copied once, and again when an update brings another. */
    fun bundled(): File {
        val digest = try {
            context.assets.open(DIGEST_ASSET).use { it.readBytes() }.decodeToString().trim()
        } catch (e: IOException) {
            throw PackageException("this app was built without a model. Build it by: make android-apk MODEL=…", e)
        }
        val file = File(folder, "bundled-${digest.take(16)}.ptl")
        if (!file.exists()) {
            folder.listFiles { old -> old.name.startsWith("bundled-") }?.forEach { it.delete() }
            copy(context.assets.open(MODEL_ASSET), file, digest)
        }
        return file
    }

    /** A model that the user chose with the document picker. */
    fun imported(uri: Uri): File = File(folder, "imported.ptl").also { file ->
        val stream = try {
            context.contentResolver.openInputStream(uri)
        } catch (e: IOException) {
            throw PackageException("the chosen file cannot be read: ${e.message}", e)
        } catch (e: SecurityException) {
            throw PackageException("the chosen file may not be read any more. Choose it again.", e)
        }
        copy(stream ?: throw PackageException("the chosen file is gone. Choose it again."), file, digest = null)
    }

    /** A model that `adb push` brought into the app's external folder. */
    fun pushed(name: String): File = File(context.getExternalFilesDir(null), File(name).name)

    private fun copy(source: InputStream, target: File, digest: String?) {
        folder.mkdirs()
        val partial = File(folder, "${target.name}.part")
        try {
            source.use { input -> partial.outputStream().use { input.copyTo(it) } }
            val got = partial.inputStream().use(::sha256)
            if (digest != null && got != digest) {
                throw PackageException("the app's model has sha256 ${got.take(16)}…, expected ${digest.take(16)}…. Install the app again.")
            }
            if (!partial.renameTo(target)) throw IOException("cannot rename ${partial.name}")
        } catch (e: IOException) {
            throw PackageException("the model cannot be copied to the app's storage (${e.message}). Free some space and try again.", e)
        } finally {
            partial.delete()
        }
    }

    private companion object {
        const val MODEL_ASSET = "model.ptl"
        const val DIGEST_ASSET = "model.sha256"
    }
}
