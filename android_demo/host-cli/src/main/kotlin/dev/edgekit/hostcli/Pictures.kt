package dev.edgekit.hostcli

import dev.edgekit.core.format.ImageException
import dev.edgekit.core.format.Tensor
import dev.edgekit.core.run.RgbImage
import dev.edgekit.core.run.jpegScale
import dev.edgekit.core.run.scaledSide
import java.awt.image.BufferedImage
import java.io.File
import java.io.IOException
import javax.imageio.ImageIO

private const val JPEG_START = 0xffd8
private const val GREY = 0x010101

/**
 * The pixels of a picture. Java decodes PNG exactly, but a JPEG only at full size: where the contract wants it smaller, the mean of
 * each block of pixels stands for what libjpeg gives, within a few levels. Exif data are ignored.
 *
 * @param resize that of the package for labels, or 0 to leave a JPEG at its full size
 */
internal fun pixels(picture: File, resize: Int): Tensor {
    val image = try {
        ImageIO.read(picture)
    } catch (e: IOException) {
        throw ImageException("${picture.path} cannot be read (${e.message}). Check the file.", e)
    } ?: throw ImageException("${picture.path} is not a picture that Java decodes. Give a PNG file.")
    return reduced(image, if (isJpeg(picture)) jpegScale(image.width, image.height, resize) else 1)
}

private fun isJpeg(picture: File): Boolean = picture.inputStream().use { it.read() shl 8 or it.read() } == JPEG_START

private fun reduced(image: BufferedImage, scale: Int): Tensor {
    val columns = scaledSide(image.width, scale)
    val block = IntArray(image.width * scale)
    return RgbImage().convert(columns, scaledSide(image.height, scale)) { y, row ->
        val rows = minOf(scale, image.height - y * scale)
        read(image, y * scale, rows, block)
        for (x in 0 until columns) row[x] = mean(block, image.width, rows, x * scale until minOf(image.width, (x + 1) * scale))
    }
}

/** Some rows as ARGB. Java's own conversion takes grey levels for linear light, and makes other levels of them. */
private fun read(image: BufferedImage, y: Int, rows: Int, into: IntArray) {
    if (image.type != BufferedImage.TYPE_BYTE_GRAY) {
        image.getRGB(0, y, image.width, rows, into, 0, image.width)
        return
    }
    image.raster.getSamples(0, y, image.width, rows, 0, into)
    for (i in 0 until rows * image.width) into[i] *= GREY
}

/** The mean of some columns in the first rows, rounded for each channel. */
private fun mean(pixels: IntArray, width: Int, rows: Int, columns: IntRange): Int {
    val count = rows * (columns.last - columns.first + 1)
    fun level(shift: Int): Int {
        var sum = count / 2
        for (y in 0 until rows) for (x in columns) sum += pixels[y * width + x] shr shift and 0xff
        return sum / count
    }
    return (level(16) shl 16) or (level(8) shl 8) or level(0)
}
