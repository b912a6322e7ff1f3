"""Runs the models of a sweep on a Dask cluster. Each worker exports in child processes, as on this machine."""

import contextlib
import re
import secrets
import time
from collections.abc import Generator, Sequence
from typing import Any

from edgekit.errors import DeviceError, UsageError, first_line
from edgekit.sweep.child import failed
from edgekit.sweep.process import memory_for_models, run_model
from edgekit.sweep.rows import Limits, ModelRequest, SweepRow

_EXAMPLE = "tcp://host:8786"
_CONNECT_S = 20
_ASK_S = 1.0  # between two questions to the scheduler


def rows_of_cluster(requests: Sequence[ModelRequest], limits: Limits, address: str) -> Generator[SweepRow, None, None]:
    """The rows as they are finished. Closing the iterator ends the processes that still run on the workers.

    Raises:
        UsageError: the address has no port, or `distributed` is not installed.
        DeviceError: no scheduler answers, the connection is lost, or a worker cannot do the work.
    """
    if not re.search(r":\d+$", address):
        raise UsageError(f"--dask {address}: expected the address of a scheduler with its port, such as {_EXAMPLE}.")
    distributed = _distributed()
    try:
        client = distributed.Client(address, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise DeviceError(
            f"--dask {address}: no Dask scheduler answers there: {first_line(error)}. Start one, or give an address such "
            f"as {_EXAMPLE}."
        ) from error
    with client:
        stop = distributed.Event(f"edgekit-sweep-{secrets.token_hex(8)}", client=client)
        futures = {
            client.submit(run_on_worker, request, limits, stop.name, pure=False): request for request in requests
        }
        try:
            for future in distributed.as_completed(list(futures), loop=client.loop):
                row = _row(future, futures[future], address)
                if row is not None:
                    yield row
        finally:
            with contextlib.suppress(OSError):  # the scheduler is gone
                stop.set()
                client.cancel(list(futures))


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise UsageError(
            "--dask needs distributed, which is not installed. Run pip install 'edgekit[dask]'."
        ) from error
    return distributed


def _row(future: Any, request: ModelRequest, address: str) -> SweepRow | None:
    """The row of a task. A worker that died is a result of the model; any other error concerns the whole cluster."""
    if future.cancelled():
        raise DeviceError(
            f"--dask {address}: the connection was lost. Start the cluster again, and go on with --resume."
        )
    error = future.exception()
    if error is None:
        row: SweepRow | None = future.result()
        return row
    if type(error).__name__ == "KilledWorker":
        return failed(request.source, "the Dask workers that tried it died")
    raise DeviceError(
        f"--dask {address}: a worker cannot export: {type(error).__name__}: {first_line(error)}. Install the same edgekit, torch "
        "and torchvision on every worker."
    ) from error


def run_on_worker(request: ModelRequest, limits: Limits, stop: str) -> SweepRow | None:
    """A task of the cluster. Without a memory limit, it takes its thread's share of the worker's memory, and so for the cores."""
    distributed = _distributed()
    worker, event = distributed.get_worker(), distributed.Event(stop)
    limits = limits.shared(worker.state.nthreads, worker.memory_manager.memory_limit or memory_for_models())
    asked = 0.0

    def stopped() -> bool:
        nonlocal asked
        if time.monotonic() - asked < _ASK_S:
            return False
        asked = time.monotonic()
        return bool(event.is_set())

    return run_model(request, limits, stopped)
