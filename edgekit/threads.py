"""The two-pools trap: OpenMP's spinning threads and XNNPACK's pool fight for the cores, up to 280 times slower."""

import os
import sys
import warnings

VARIABLE = "OMP_NUM_THREADS"


def prepare_process() -> None:
    """Gives OpenMP one thread, unless the user set a number; XNNPACK's own pool keeps every core.

    Works only before torch is loaded, as libgomp reads its environment once.
    """
    os.environ.setdefault(VARIABLE, "1")


_warned = False


def warn_if_too_late() -> None:
    """For the Python API: sets the variable while it still helps, and warns once where torch came first."""
    global _warned  # noqa: PLW0603  one warning a process is the point
    if VARIABLE in os.environ or _warned:
        return
    if "torch" not in sys.modules:
        prepare_process()
        return
    _warned = True
    warnings.warn(
        f"torch was imported before edgekit with {VARIABLE} unset: lite models may run many times slower, as OpenMP's and "
        f"XNNPACK's threads compete. Set {VARIABLE}=1 in the environment, or import edgekit first.",
        RuntimeWarning,
        stacklevel=3,
    )
