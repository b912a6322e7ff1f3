"""The tree of exceptions and the exit codes of the command line.

EdgekitError
├── UsageError        2  the request itself is wrong: an option, a path, an input
│   └── ImageError    2  a picture that cannot be decoded as the image contract says
├── ParityError       1  the verdict is no: the model would give other answers
├── SourceError       3  the model or its weights are unavailable
├── CaptureError      3  the model cannot be traced or scripted
├── OptimizeError     3  a pass of a recipe fails
├── PackageError      3  a package is damaged, foreign, or too new
└── DeviceError       4  a runtime or device does not do its part

Anything else that is raised is a bug of edgekit: exit code 70, with its traceback.
"""

EXIT_BUG = 70


class EdgekitError(Exception):
    """What went wrong, with which object, what was expected and what to do; shown without a traceback."""

    exit_code = EXIT_BUG


class UsageError(EdgekitError):
    """The request is wrong."""

    exit_code = 2


class ImageError(UsageError):
    """A picture cannot be decoded as the image contract says."""


class ParityError(EdgekitError):
    """The captured or optimized model disagrees with the eager model."""

    exit_code = 1


class SourceError(EdgekitError):
    """The model or its weights are unavailable."""

    exit_code = 3


class CaptureError(EdgekitError):
    """The model cannot be traced or scripted."""

    exit_code = 3


class OptimizeError(EdgekitError):
    """A pass of a recipe cannot be applied."""

    exit_code = 3


class PackageError(EdgekitError):
    """A package is damaged, foreign, or of a newer major version."""

    exit_code = 3


class DeviceError(EdgekitError):
    """A runtime or device does not do its part."""

    exit_code = 4


def first_line(error: BaseException) -> str:
    """What an exception of another library says, in one line: its type where it says nothing."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
