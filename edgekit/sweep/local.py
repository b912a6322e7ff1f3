"""Runs the models of a sweep on this machine, several at the same time."""

import threading
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from edgekit.sweep.process import memory_for_models, run_model
from edgekit.sweep.rows import Limits, ModelRequest, SweepRow


def rows_here(requests: Sequence[ModelRequest], limits: Limits, jobs: int) -> Generator[SweepRow, None, None]:
    """The rows as they are finished. Closing the iterator ends the processes that still run.

    Args:
        requests: the models.
        limits: of each of them.
        jobs: how many run at the same time.
    """
    limits = limits.shared(jobs, memory_for_models())
    stop = threading.Event()
    with ThreadPoolExecutor(jobs) as pool:
        try:
            futures = [pool.submit(run_model, request, limits, stop.is_set) for request in requests]
            for future in as_completed(futures):
                row = future.result()
                if row is not None:
                    yield row
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)
