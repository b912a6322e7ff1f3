"""The tree of exceptions and the exit codes of the command line.

EdgekitError
├── UsageError        2  the request is wrong: an option, a path, an input
│   └── ImageError    2  a picture cannot be decoded as the image contract requires
├── ParityError       1  the verdict failed: the model would give different answers
├── SourceError       3  the model or its weights are unavailable
├── CaptureError      3  the model cannot be traced or scripted
├── OptimizeError     3  a pass of a recipe fails
├── PackageError      3  a package is damaged, was not made by edgekit, or is too new
└── DeviceError       4  a runtime or device fails

Any other exception is a bug in edgekit: exit code 70, with its traceback.
"""

import re

EXIT_BUG = 70


class EdgekitError(Exception):
    """Base of the errors that a user can fix. The message says what happened, to which object, what was expected, what to do."""

    exit_code = EXIT_BUG


class UsageError(EdgekitError):
    """The request is wrong."""

    exit_code = 2


class ImageError(UsageError):
    """A picture cannot be decoded as the image contract requires."""


class ParityError(EdgekitError):
    """The captured or optimized model gives different answers from the eager model."""

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
    """A package is damaged, was not made by edgekit, or has a newer major version."""

    exit_code = 3


class DeviceError(EdgekitError):
    """A runtime or device fails."""

    exit_code = 4


def first_line(error: BaseException) -> str:
    """The first line of an exception's message, or the name of its type if the message is empty."""
    return next(iter(plain_text(str(error)).strip().splitlines()), type(error).__name__)


def plain_text(text: str) -> str:
    """A message without the values of tensors, addresses, and torch's numbers of classes, which differ from run to run."""
    text = re.sub(r"\btensor\([^()]*(\([^()]*\)[^()]*)*\)?", "a tensor", text)
    return re.sub(r"( at)? 0x[0-9a-fA-F]{6,}|\.?___torch_mangle_\d+", "", text)


def kind_of(value: object) -> str:
    """What a value is, for a message: `None`, `the class Net`, `an OrderedDict`, `an empty list`."""
    if value is None:
        return "None"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    empty = "empty " if isinstance(value, list | tuple | dict) and not value else ""
    name = f"{empty}{type(value).__name__}"
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"


def printable(text: str) -> str:
    """The text with control characters as `\\xNN`: names in a file must not control a terminal. Line feeds stay."""
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode("ascii") for c in text)
