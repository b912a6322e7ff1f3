"""Runtimes by name; each is imported when it is asked for, as each has needs of its own."""

from edgekit.errors import UsageError
from edgekit.runtimes.base import Runtime

NAMES = ("lite",)


def resolve(name: str) -> Runtime:
    """The runtime of that name.

    Raises:
        UsageError: there is none.
    """
    if name == "lite":
        from edgekit.runtimes.lite import LiteRuntime

        return LiteRuntime()
    raise UsageError(f"unknown runtime {name!r}; expected one of {', '.join(NAMES)}.")
