package dev.edgekit.core.format

/*
 * EdgekitException
 * ├── PackageException   the file is no package, is damaged, or is newer than this reader
 * ├── ModelException     the runtime refuses the model, an input or an output of it
 * ├── InputException     an input does not fit the model, or its file cannot be read
 * └── ImageException     a photograph cannot be decoded
 */

/** What a user can do something about. The message says what, which object, what was expected and the remedy. */
sealed class EdgekitException(val problem: Problem, message: String, cause: Throwable?) : Exception(message, cause)

class PackageException(message: String, cause: Throwable? = null, problem: Problem = Problem.PACKAGE) :
    EdgekitException(problem, message, cause)

class ModelException(message: String, cause: Throwable? = null) : EdgekitException(Problem.MODEL, message, cause)

class InputException(message: String, cause: Throwable? = null) : EdgekitException(Problem.MODEL, message, cause)

class ImageException(message: String, cause: Throwable? = null, problem: Problem = Problem.PHOTO_UNREADABLE) :
    EdgekitException(problem, message, cause)

/** What went wrong, for an app that says it in its user's language; the message has the detail, in English. */
enum class Problem {
    /** The package is refused, and the message says why. */
    PACKAGE,

    /** The model does not load or run, and the message says why. */
    MODEL,
    NO_MODEL,
    APP_WITHOUT_MODEL,
    FILE_UNREADABLE,
    STORAGE,
    NO_CLASSIFIER,
    NO_INPUTS,
    PHOTO_UNREADABLE,
    PHOTO_FORMAT,
    PHOTO_DAMAGED,
    PHOTO_TOO_LARGE,
    MEMORY,
    UNEXPECTED,
}

/** A [problem] as a state shows it. */
data class Failure(val problem: Problem, val detail: String) {
    companion object {
        /** Also for what no reader expects: a damaged file or a native library must not end the app. */
        fun of(error: Throwable) = when (error) {
            is EdgekitException -> Failure(error.problem, error.message.orEmpty())
            is OutOfMemoryError ->
                Failure(Problem.MEMORY, "this device has not enough memory for that (${error.message}). Try a smaller model or photograph.")
            else -> Failure(Problem.UNEXPECTED, error.toString())
        }
    }
}
