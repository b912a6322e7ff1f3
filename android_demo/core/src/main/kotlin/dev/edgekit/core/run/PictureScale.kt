package dev.edgekit.core.run

private val SCALES = listOf(8, 4, 2)

/**
 * The 1, 2, 4 or 8 by which the sides of a JPEG are divided when it is decoded: its shorter side stays at least twice [resize].
 *
 * It is the rule of the image contract for labels. Masks and boxes are in the picture's own pixels, and a PNG is never decoded smaller.
 *
 * @param resize the length to which `predict` resizes the shorter side; with 0 or less, the scale is 1
 */
fun jpegScale(width: Int, height: Int, resize: Int): Int =
    if (resize <= 0) 1 else SCALES.firstOrNull { scaledSide(minOf(width, height), it) >= 2L * resize } ?: 1

/** The length of a side of a JPEG that is decoded at a scale: it is rounded up. */
fun scaledSide(side: Int, scale: Int): Int = (side - 1) / scale + 1
