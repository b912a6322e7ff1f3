package dev.edgekit.core.run

import dev.edgekit.core.format.ImageException
import dev.edgekit.core.format.Problem

/** The most pixels of the picture that `predict` makes: the memory of its resize follows that size, not the file's. */
private const val MAX_RESIZED_PIXELS = 1L shl 24

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
