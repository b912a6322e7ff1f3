"""Importing edgekit changes nothing. A run sets the thread counts of its calling thread, and restores them."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

import edgekit
from edgekit.threads import held_threads, share_cores


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("pool", "count", "openmp"), [("xnnpack", None, 1), ("openmp", None, 2), ("xnnpack", 2, 1), ("openmp", 2, 2)]
)
def test_held_threads_gives_one_pool_the_cores_and_the_process_its_setting_back(
    pool: str, count: int | None, openmp: int
) -> None:
    with held_threads(pool, count):
        held = torch.get_num_threads()  # the number of OpenMP threads
    assert (held, torch.get_num_threads()) == (openmp, 2)


def test_held_threads_survive_the_first_parallel_operator_of_a_thread() -> None:
    found: list[int] = []

    def work() -> None:
        with held_threads("xnnpack"):
            torch.rand(300, 300) @ torch.rand(300, 300)
            torch.rand(1 << 20).exp()
            found.append(torch.get_num_threads())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [1]


def test_held_threads_are_given_back_after_an_error() -> None:
    with pytest.raises(ValueError, match="stop"), held_threads("xnnpack"):
        raise ValueError("stop")
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("count", [1, 2])
def test_share_cores_leaves_openmp_one_thread(count: int) -> None:
    share_cores(count)
    assert torch.get_num_threads() == 1


def test_load_run_and_verify_leave_the_threads_as_they_were(tiny: Path) -> None:
    model = edgekit.load(tiny)
    model.run([np.zeros((1, 3, 32, 32), np.float32)])
    assert edgekit.verify(tiny).passed
    assert torch.get_num_threads() == 2


def test_import_changes_no_environment_variable_and_gives_no_warning() -> None:
    code = (
        "import os, torch; before = dict(os.environ); import edgekit; edgekit.load; print(dict(os.environ) == before)"
    )
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout.strip() == "True"
