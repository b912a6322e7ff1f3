package dev.edgekit.core.run

import dev.edgekit.core.format.ImageException
import dev.edgekit.core.format.Problem

/** The most pixels of a picture as it is in the file, and as it is decoded. */
private const val MAX_STORED_PIXELS = 1L shl 28
private const val MAX_PIXELS = 1L shl 27

/** The most pixels of the picture that `predict` makes: the memory of its resize follows that size, not the file's. */
private const val MAX_RESIZED_PIXELS = 1L shl 24

/**
 * Refuses a picture that has too many pixels in the file, as it is decoded, or in its resized form.
 *
 * @param scale the number by which its sides are divided when it is decoded
 * @param most the most pixels of the decoded picture, where a device has less memory than the contract allows
 */
fun checkPixels(width: Int, height: Int, scale: Int, resize: Int, most: Long = MAX_PIXELS) {
    val (columns, rows) = scaledSide(width, scale) to scaledSide(height, scale)
    val limit = if (width.toLong() * height > MAX_STORED_PIXELS) MAX_STORED_PIXELS else minOf(most, MAX_PIXELS)
    if (limit == MAX_STORED_PIXELS || columns.toLong() * rows > limit) {
        throw ImageException(
            "this photograph has $width x $height pixels; at most $limit are decoded. Choose a smaller one.",
            problem = Problem.PHOTO_TOO_LARGE,
        )
    }
    checkResized(columns, rows, resize)
}

/**
 * Refuses a picture that is so narrow that its resized form would be too large.
 *
 * @param resize the length to which `predict` resizes the shorter side
 */
fun checkResized(width: Int, height: Int, resize: Int) {
    val longer = resize.toLong() * maxOf(width, height) / minOf(width, height)
    if (resize <= MAX_RESIZED_PIXELS / maxOf(1, longer)) return
    val (columns, rows) = if (width <= height) resize to longer else longer to resize
    throw ImageException(
        "the picture has $width x $height pixels, which predict resizes to $columns x $rows; " +
            "at most $MAX_RESIZED_PIXELS pixels are allowed there. Crop it to a less narrow one.",
        problem = Problem.PHOTO_TOO_LARGE,
    )
}
