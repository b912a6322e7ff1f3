"""`--isolate`: whether a verb runs in a process of its own, and what it raises there."""

import argparse
import contextlib
import os
from pathlib import Path

from edgekit.errors import EdgekitError
from edgekit.runtimes import isolation
from edgekit.runtimes.registry import DEFAULT


def isolated(options: argparse.Namespace, arguments: list[str]) -> int | None:
    """Runs a verb in an isolated process if its package needs one. Returns the exit code, or None if it did not.

    Other runtimes than torch's own run in a process of their own in any case.
    """
    runtimes = [options.runtime] if isinstance(options.runtime, str) else options.runtime or [DEFAULT]
    if options.isolate == "never" or isolation.is_isolated() or os.name != "posix" or DEFAULT not in runtimes:
        return None
    if options.package is None or not Path(options.package).is_file():
        return None  # the verb says what it is
    from edgekit.runtimes.exported import is_exported  # `--help` needs no archive

    with contextlib.suppress(OSError):
        if options.isolate == "auto" and (options.public_key is not None or is_exported(options.package)):
            return None
    return isolation.run_isolated("edgekit.cli.isolated", arguments, options.package, options.isolate_seconds)


def memory_error(message: str) -> EdgekitError:
    """The error of a machine that has too little memory; in the isolated process, of a file that takes too much."""
    return isolation.failure_kind(message)(message)
