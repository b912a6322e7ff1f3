"""Runs the models of a sweep on this machine, several at the same time."""

import threading
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing

from edgekit.sweep.process import memory_for_models, run_model
from edgekit.sweep.rows import Limits, ModelRequest, SweepRow
from edgekit.threads import usable_cores

USUAL_BYTES = 6 * 10**9  # more than most models need


def rows_here(requests: Sequence[ModelRequest], limits: Limits, jobs: int | None) -> Generator[SweepRow, None, None]:
    """The rows as they are finished. Closing the iterator ends the processes that still run.

    Without a memory limit, a model that needs more than its share runs again at the end, alone.

    Args:
        requests: the models.
        limits: of each of them.
        jobs: how many run at the same time; None runs one on each core, as far as the memory suffices.
    """
    memory = memory_for_models()
    jobs = jobs or max(1, min(usable_cores(), memory // USUAL_BYTES))
    together, alone = limits.shared(jobs, memory), limits.shared(1, memory)
    large = []
    with closing(_rows(requests, together, jobs)) as rows:
        for request, row in rows:
            if row.status == "failed" and _over(row, together) and together.memory_bytes != alone.memory_bytes:
                large.append(request)
            else:
                yield row
    with closing(_rows(large, alone, 1)) as rows:
        yield from (row for _, row in rows)


def _over(row: SweepRow, limits: Limits) -> bool:
    return limits.memory_bytes is not None and row.peak_rss_bytes > limits.memory_bytes


def _rows(
    requests: Sequence[ModelRequest], limits: Limits, jobs: int
) -> Generator[tuple[ModelRequest, SweepRow], None, None]:
    stop = threading.Event()
    with ThreadPoolExecutor(jobs) as pool:
        try:
            futures = {pool.submit(run_model, request, limits, stop.is_set): request for request in requests}
            for future in as_completed(futures):
                row = future.result()
                if row is not None:
                    yield futures[future], row
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)
