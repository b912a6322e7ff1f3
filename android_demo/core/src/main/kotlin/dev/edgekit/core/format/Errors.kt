package dev.edgekit.core.format

/*
 * EdgekitException
 * ├── PackageException   the file is not a package, is damaged, or is newer than this reader
 * ├── ModelException     the runtime refuses the model, or its run or outputs are wrong
 * ├── InputException     an input does not fit the model, or its file cannot be read
 * └── ImageException     a photograph cannot be decoded
 */

/** An error that the user can fix. The message says what happened, to which object, what was expected and what to do. */
sealed class EdgekitException(val problem: Problem, message: String, cause: Throwable?) : Exception(message, cause)

class PackageException(message: String, cause: Throwable? = null, problem: Problem = Problem.PACKAGE) :
    EdgekitException(problem, message, cause)

class ModelException(message: String, cause: Throwable? = null) : EdgekitException(Problem.MODEL, message, cause)

class InputException(message: String, cause: Throwable? = null) : EdgekitException(Problem.MODEL, message, cause)

class ImageException(message: String, cause: Throwable? = null, problem: Problem = Problem.PHOTO_UNREADABLE) :
    EdgekitException(problem, message, cause)

/** The kind of error, which an app shows in its user's language; the message has the details, in English. */
enum class Problem {
    /** The package is refused, and the message says why. */
    PACKAGE,

    /** The model does not load or run, and the message says why. */
    MODEL,
    NO_MODEL,
    APP_WITHOUT_MODEL,
    FILE_UNREADABLE,
    STORAGE,
    NO_PICTURES,
    NO_INPUTS,
    PHOTO_UNREADABLE,
    PHOTO_FORMAT,
    PHOTO_DAMAGED,
    PHOTO_TOO_LARGE,
    MEMORY,
    UNEXPECTED,
}

/** A [problem] in the state of a screen. */
data class Failure(val problem: Problem, val detail: String) {
    companion object {
        /** Covers unexpected errors too: a damaged file or a native library must not end the app. */
        fun of(error: Throwable) = when (error) {
            is EdgekitException -> Failure(error.problem, error.message.orEmpty())
            is OutOfMemoryError ->
                Failure(Problem.MEMORY, "this device does not have enough memory (${error.message}). Use a smaller model or photograph.")
            else -> Failure(Problem.UNEXPECTED, error.toString())
        }
    }
}
