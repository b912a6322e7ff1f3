package dev.edgekit.core.format

import java.io.File
import java.nio.file.Files
import java.nio.file.Path
import java.nio.file.StandardCopyOption

/**
 * Writes the whole file or nothing.
 *
 * @param write fills a file in the same folder, which then gets the name
 */
inline fun writeWhole(file: File, write: (Path) -> Unit) {
    val target = file.absoluteFile.toPath()
    val partial = Files.createTempFile(target.parent, file.name, ".part")
    try {
        write(partial)
        Files.move(partial, target, StandardCopyOption.ATOMIC_MOVE)
    } finally {
        Files.deleteIfExists(partial)
    }
}
