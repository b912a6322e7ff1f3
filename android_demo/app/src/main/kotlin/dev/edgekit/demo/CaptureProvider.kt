package dev.edgekit.demo

import android.content.ContentProvider
import android.content.ContentValues
import android.content.Context
import android.database.Cursor
import android.net.Uri
import android.os.ParcelFileDescriptor
import java.io.File

/** Gives the system's camera one file for its photograph, for which the app needs no permission. */
class CaptureProvider : ContentProvider() {
    override fun onCreate() = true

    override fun getType(uri: Uri) = "image/jpeg"

    override fun openFile(uri: Uri, mode: String): ParcelFileDescriptor =
        ParcelFileDescriptor.open(file(requireNotNull(context)), ParcelFileDescriptor.parseMode(mode))

    override fun query(uri: Uri, columns: Array<String>?, where: String?, arguments: Array<String>?, order: String?): Cursor? = null

    override fun insert(uri: Uri, values: ContentValues?): Uri? = null

    override fun delete(uri: Uri, where: String?, arguments: Array<String>?) = 0

    override fun update(uri: Uri, values: ContentValues?, where: String?, arguments: Array<String>?) = 0

    companion object {
        fun uri(context: Context): Uri = Uri.parse("content://${context.packageName}.capture/photo.jpg")

        /** Deletes the last photograph; otherwise it would be shown again after a camera that writes nothing. */
        fun clear(context: Context) = file(context).delete()

        private fun file(context: Context) = File(context.cacheDir, "capture.jpg")
    }
}
