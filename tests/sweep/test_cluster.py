"""`edgekit sweep --dask`: a local cluster with two workers."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.command import environment

from sweep.running import INPUT, command, models, runs, source, stored, sweep, until

CLUSTER = """
import sys
from distributed import LocalCluster
if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, memory_limit="4GiB") as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()
"""

pytestmark = pytest.mark.slow


def started(folder: Path) -> tuple["subprocess.Popen[str]", str]:
    """A cluster whose workers run in a folder, and its address."""
    (folder / "cluster.py").write_text(CLUSTER)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, "cluster.py"], cwd=folder, env=environment(), **pipes)
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address of a cluster, and the folder in which its workers run."""
    folder = tmp_path_factory.mktemp("cluster")
    process, address = started(folder)
    yield address, folder
    process.communicate(timeout=60)


def test_sweep_on_a_cluster_exports_real_models(cluster: tuple[str, Path], tmp_path: Path) -> None:
    names = f"squeezenet1_1,shufflenet_v2_x0_5,{source('raises')}"
    result = sweep(tmp_path, "--models", names, "--weights", "random", "--dask", cluster[0], "--json")
    assert result.code == 1, result.err
    document = json.loads(result.out)
    assert [row["status"] for row in document["results"]] == ["verified", "verified", "failed"]
    assert document["results"][0]["package_bytes"] > 4e6
    assert "all" not in document["results"][0]["fits"]
    assert document["context"]["cpu"] is None


def test_sweep_on_a_cluster_uses_both_workers_and_ends_with_an_interrupt(
    cluster: tuple[str, Path], tmp_path: Path
) -> None:
    address, there = cluster
    given = (*models("raises", "waits"), *INPUT, "--dask", address)
    process = subprocess.Popen(command(*given), cwd=tmp_path, env=environment(), stderr=subprocess.PIPE, text=True)
    until(lambda: stored(tmp_path) and (there / "pid").exists())  # one worker waits, and the other one has finished
    child = int((there / "pid").read_text())
    process.send_signal(signal.SIGINT)
    message = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert "interrupted; 1 of 2 models" in message
    until(lambda: not runs(child), 20)
    (there / "go").touch()
    sweep(tmp_path, *given, "--resume")
    assert [row["status"] for row in stored(tmp_path)] == ["failed", "verified"]


def test_sweep_memory_limit_of_a_worker_is_the_limit_of_its_model(cluster: tuple[str, Path], tmp_path: Path) -> None:
    assert sweep(tmp_path, *models("hungry"), *INPUT, "--dask", cluster[0]).code == 1
    assert stored(tmp_path)[0]["reason"].startswith("more than 4.3 GB of memory")


def test_sweep_whose_cluster_dies_exits_4(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.mkdir()
    cluster, address = started(there)
    options = {"cwd": tmp_path, "env": environment(), "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command(*models("waits"), *INPUT, "--dask", address), **options)
    until((there / "pid").exists)
    cluster.kill()
    message = process.communicate(timeout=120)[1]
    assert process.returncode == 4, message
    assert "the connection was lost" in message
    cluster.communicate()
    until(lambda: not runs(int((there / "pid").read_text())), 60)


def test_sweep_without_a_scheduler_exits_4(tmp_path: Path) -> None:
    sweep(tmp_path, "--models", "resnet18", "--dask", "tcp://127.0.0.1:9").failed(4, "no Dask scheduler answers there")
    sweep(tmp_path, "--models", "resnet18", "--dask", "nowhere").failed(2, "--dask nowhere: expected the address")
