package dev.edgekit.core

/*
 * EdgekitException
 * ├── PackageException   the file is no package, is damaged, or is newer than this reader
 * ├── ModelException     the runtime refuses the model or an input of it
 * └── ImageException     a photograph cannot be decoded
 */

/** What a user can do something about. The message says what, which object, what was expected and the remedy. */
sealed class EdgekitException(message: String, cause: Throwable?) : Exception(message, cause)

class PackageException(message: String, cause: Throwable? = null) : EdgekitException(message, cause)

class ModelException(message: String, cause: Throwable? = null) : EdgekitException(message, cause)

class ImageException(message: String, cause: Throwable? = null) : EdgekitException(message, cause)
