"""The two-pools trap: OpenMP's spinning threads and XNNPACK's pool fight for the cores, up to 280 times slower.

The command line gives OpenMP one thread for the whole process. A host application keeps its own setting: each run holds
the threads of its calling thread, and gives them back.
"""

import ctypes
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

VARIABLE = "OMP_NUM_THREADS"
_SETTERS = ("omp_set_num_threads", "MKL_Set_Num_Threads_Local")  # both for the calling thread alone


def prepare_process() -> None:
    """Gives OpenMP one thread, unless the user set a number; XNNPACK's own pool keeps every core.

    For a process that is edgekit's own. Works only before torch is loaded, as libgomp reads its environment once.
    """
    os.environ.setdefault(VARIABLE, "1")


@contextmanager
def held_threads(pool: str, count: int | None = None) -> Iterator[None]:
    """Gives one pool the cores and the other one thread, in the calling thread and until the block ends.

    Args:
        pool: `xnnpack`, for a model with prepacked operators, or `openmp`, which stands for MKL too.
        count: how many threads; None leaves the pool as the process has it. XNNPACK's pool is the process's, and libtorch
            does not report its size, so a count stays in force there after the block.
    """
    import torch

    before = torch.get_num_threads()  # also keeps the thread's first parallel operator from undoing what follows
    if count is not None:
        torch.set_num_threads(count if pool == "xnnpack" else 1)  # sets all pools, which is the trap
    mkl = _set_openmp(1 if pool == "xnnpack" else count or before)
    try:
        yield
    finally:
        _set_openmp(before, mkl)


def _set_openmp(count: int, mkl: int | None = None) -> int:
    """Sets OpenMP's and MKL's threads, and gives MKL's setting from before, where 0 stands for the process's own."""
    openmp_setter, mkl_setter = _setters()
    if openmp_setter is not None:
        openmp_setter(count)
    return 0 if mkl_setter is None else int(mkl_setter(count if mkl is None else mkl))


@cache
def _setters() -> tuple[Callable[[int], int] | None, Callable[[int], int] | None]:
    """The functions of libtorch's own OpenMP and MKL; None where it was built without (MKL is for x86 alone)."""
    import torch

    library = ctypes.CDLL(str(next((Path(torch.__file__).parent / "lib").glob("libtorch_cpu.*"))))
    return getattr(library, _SETTERS[0], None), getattr(library, _SETTERS[1], None)
