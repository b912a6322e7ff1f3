"""Thread counts of OpenMP and XNNPACK.

Both have a thread pool. When both pools use all cores, OpenMP's spinning threads make a run up to 280 times slower.
The command line gives OpenMP one thread for the whole process. Inside a host application, each run sets the counts for
its calling thread only, and restores them at the end.
"""

import ctypes
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

VARIABLE = "OMP_NUM_THREADS"
_SETTERS = ("omp_set_num_threads", "MKL_Set_Num_Threads_Local")  # both affect only the calling thread


def usable_cores() -> int:
    """The cores that this process may use: fewer than the machine has in a container or under taskset."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def prepare_process() -> None:
    """Gives OpenMP one thread, unless the user set a number. XNNPACK's pool still uses every core.

    Call it only in edgekit's own process, and before torch is loaded: libgomp reads its environment once.
    """
    os.environ.setdefault(VARIABLE, "1")


def share_cores(count: int) -> None:
    """Gives XNNPACK's pool some threads, and OpenMP one, until the process ends: for several processes at once.

    A pool with as many threads as the machine has cores waits for them in a loop: two such processes take several times as long
    as one after the other.
    """
    import torch

    torch.set_num_threads(count)
    _set_openmp(1)


@contextmanager
def held_threads(pool: str, count: int | None = None) -> Iterator[None]:
    """Gives one pool its threads and the other pool one thread, for the calling thread, until the block ends.

    Args:
        pool: `xnnpack` for a model with prepacked operators, else `openmp`, which includes MKL.
        count: the number of threads; None keeps the pool's current size. The process has one XNNPACK pool, and libtorch
            does not report its size. So a count for `xnnpack` stays in force after the block.
    """
    import torch

    # This call also stops the thread's first parallel operator from resetting the counts.
    before = torch.get_num_threads()
    if count is not None:
        # This sets every pool, so OpenMP and MKL are set again below.
        torch.set_num_threads(count if pool == "xnnpack" else 1)
    mkl = _set_openmp(1 if pool == "xnnpack" else count or before)
    try:
        yield
    finally:
        _set_openmp(before, mkl)


def _set_openmp(count: int, mkl: int | None = None) -> int:
    """Sets the thread counts of OpenMP and MKL. Returns MKL's previous setting; 0 means that of the process."""
    openmp_setter, mkl_setter = _setters()
    if openmp_setter is not None:
        openmp_setter(count)
    return 0 if mkl_setter is None else int(mkl_setter(count if mkl is None else mkl))


@cache
def _setters() -> tuple[Callable[[int], int] | None, Callable[[int], int] | None]:
    """The setters in libtorch's copies of OpenMP and MKL; None if it was built without one (MKL is only for x86)."""
    import torch

    library = ctypes.CDLL(str(next((Path(torch.__file__).parent / "lib").glob("libtorch_cpu.*"))))
    return getattr(library, _SETTERS[0], None), getattr(library, _SETTERS[1], None)
