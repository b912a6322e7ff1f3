"""The two-pools trap: OpenMP's spinning threads and XNNPACK's pool fight for the cores, up to 280 times slower."""

import ctypes
import os
import sys
import warnings
from pathlib import Path

VARIABLE = "OMP_NUM_THREADS"


def prepare_process() -> None:
    """Gives OpenMP one thread, unless the user set a number; XNNPACK's own pool keeps every core.

    Works only before torch is loaded, as libgomp reads its environment once.
    """
    os.environ.setdefault(VARIABLE, "1")


def set_threads(count: int, pool: str) -> None:
    """Gives one pool so many threads in this thread, and the other one: `xnnpack`, or `openmp` with MKL.

    `torch.set_num_threads` sets all of them together, which is the trap.
    """
    import torch

    xnnpack, openmp = (count, 1) if pool == "xnnpack" else (1, count)
    torch.set_num_threads(xnnpack)
    torch.get_num_threads()  # a thread's first parallel operator would undo what follows
    library = ctypes.CDLL(str(next((Path(torch.__file__).parent / "lib").glob("libtorch_cpu.*"))))
    for setter in ("omp_set_num_threads", "MKL_Set_Num_Threads_Local"):
        if hasattr(library, setter):  # MKL is in torch for x86 alone
            getattr(library, setter)(ctypes.c_int(openmp))


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
