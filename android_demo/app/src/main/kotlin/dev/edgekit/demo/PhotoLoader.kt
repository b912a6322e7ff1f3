package dev.edgekit.demo

import android.content.ContentResolver
import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.graphics.Matrix
import android.media.ExifInterface
import android.net.Uri
import dev.edgekit.core.format.ImageException
import dev.edgekit.core.format.Problem
import dev.edgekit.core.format.Tensor
import dev.edgekit.core.run.Overlay
import dev.edgekit.core.run.RgbImage
import dev.edgekit.core.run.checkPixels
import dev.edgekit.core.run.jpegScale
import java.io.IOException
import java.io.InputStream

/** Decodes photographs with the platform's decoder, turns them as their Exif data says, and gives their pixels to the model. */
class PhotoLoader(private val resolver: ContentResolver) {
    private val converter = RgbImage()

    /**
     * @param resize the model's size of the shorter side; larger photographs are decoded smaller, but not below twice that size
     * @param mask whether the model gives a mask, which has a class for each pixel that the screen shows
     */
    fun load(uri: Uri, resize: Int, mask: Boolean = false): Bitmap {
        val bounds = BitmapFactory.Options().apply { inJustDecodeBounds = true }
        open(uri).use { BitmapFactory.decodeStream(it, null, bounds) }
        if (bounds.outWidth <= 0) {
            throw ImageException("this file is not a photograph that the device can decode. Choose a JPEG or PNG file.", problem = Problem.PHOTO_FORMAT)
        }
        val scale = scale(bounds, resize, mask)
        checkPixels(bounds.outWidth, bounds.outHeight, scale, resize, MOST_PIXELS)
        val options = BitmapFactory.Options().apply {
            inSampleSize = scale
            inPreferredConfig = Bitmap.Config.ARGB_8888
            inPremultiplied = false // Transparent pixels keep their colour, as the image contract says.
        }
        val bitmap = open(uri).use { BitmapFactory.decodeStream(it, null, options) }
            ?: throw ImageException("this photograph is damaged. Choose another one.", problem = Problem.PHOTO_DAMAGED)
        bitmap.setHasAlpha(false) // Otherwise a canvas refuses it; without alpha it also looks as the model sees it.
        return upright(bitmap, open(uri).use(::orientation))
    }

    /** The rule of the image contract, which Android's decoder of JPEG follows by libjpeg's own scaling. */
    private fun scale(bounds: BitmapFactory.Options, resize: Int, mask: Boolean): Int = when {
        mask -> screenScale(bounds.outWidth, bounds.outHeight)
        bounds.outMimeType == "image/png" -> 1
        else -> jpegScale(bounds.outWidth, bounds.outHeight, resize)
    }

    /** The photograph, or a smaller copy where a canvas would refuse it. */
    fun forScreen(bitmap: Bitmap): Bitmap {
        val scale = screenScale(bitmap.width, bitmap.height)
        return if (scale == 1) bitmap else Bitmap.createScaledBitmap(bitmap, bitmap.width / scale, bitmap.height / scale, true)
    }

    /** The tensor is reused by the next call. */
    fun toTensor(bitmap: Bitmap): Tensor = converter.convert(bitmap.width, bitmap.height) { y, row ->
        bitmap.getPixels(row, 0, bitmap.width, 0, y, bitmap.width, 1)
    }

    /** The picture of [image] with the colours of its mask over it. */
    fun overlay(image: Tensor, mask: Tensor): Bitmap {
        val (height, width) = mask.shape
        val drawn = Bitmap.createBitmap(width, height, Bitmap.Config.ARGB_8888)
        val (overlay, row) = Overlay(image, mask) to IntArray(width)
        for (y in 0 until height) {
            overlay.row(y, row)
            drawn.setPixels(row, 0, width, 0, y, width, 1)
        }
        return drawn
    }

    private fun open(uri: Uri): InputStream = try {
        resolver.openInputStream(uri) ?: throw ImageException("the photograph does not exist any more. Choose another one.")
    } catch (e: IOException) {
        throw ImageException("the photograph cannot be read (${e.message}). Choose it again.", e)
    } catch (e: RuntimeException) { // Another app's provider may throw any exception.
        throw ImageException("the photograph cannot be read (${e.message}). Choose it again.", e)
    }

    private fun orientation(stream: InputStream): Int = try {
        ExifInterface(stream).getAttributeInt(ExifInterface.TAG_ORIENTATION, ExifInterface.ORIENTATION_NORMAL)
    } catch (_: IOException) {
        ExifInterface.ORIENTATION_NORMAL // Without Exif data the picture stays as it is.
    }

    private fun upright(bitmap: Bitmap, orientation: Int): Bitmap {
        val matrix = Matrix()
        when (orientation) {
            ExifInterface.ORIENTATION_FLIP_HORIZONTAL -> matrix.setScale(-1f, 1f)
            ExifInterface.ORIENTATION_ROTATE_180 -> matrix.setRotate(180f)
            ExifInterface.ORIENTATION_FLIP_VERTICAL -> matrix.setScale(1f, -1f)
            ExifInterface.ORIENTATION_TRANSPOSE -> matrix.apply { setRotate(90f) }.postScale(-1f, 1f)
            ExifInterface.ORIENTATION_ROTATE_90 -> matrix.setRotate(90f)
            ExifInterface.ORIENTATION_TRANSVERSE -> matrix.apply { setRotate(-90f) }.postScale(-1f, 1f)
            ExifInterface.ORIENTATION_ROTATE_270 -> matrix.setRotate(-90f)
            else -> return bitmap
        }
        return Bitmap.createBitmap(bitmap, 0, 0, bitmap.width, bitmap.height, matrix, false)
    }

    private companion object {
        /** Of the decoded photograph: `predict` holds them as floats, 400 MB. */
        const val MOST_PIXELS = 1L shl 25

        /** A bitmap of 32 MB; Android draws no bitmap above 100 MB. */
        const val MOST_SHOWN_PIXELS = 1L shl 23

        fun screenScale(width: Int, height: Int): Int {
            var scale = 1
            while (width.toLong() * height / (scale.toLong() * scale) > MOST_SHOWN_PIXELS) scale *= 2
            return scale
        }
    }
}
