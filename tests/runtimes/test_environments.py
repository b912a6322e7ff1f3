"""Environments with another torch: made by one process at a time, whole or not at all."""

import multiprocessing
import re
import time
from pathlib import Path

import pytest

from edgekit.errors import DeviceError
from edgekit.format.archive import Archive
from edgekit.runtimes import environments
from edgekit.runtimes.cache import build_folder
from edgekit.runtimes.environments import Environment
from edgekit.runtimes.trimming import trim
from edgekit.runtimes.workshop import TORCH, VARIABLE, own_environment
from edgekit.runtimes.workshop_lite import WorkshopLiteRuntime
from edgekit.runtimes.writing import size_bytes


class Counted(Environment):
    """Makes a file instead of an environment, slowly, and notes it."""

    def _make(self, _base: str, _index: str) -> None:
        with (self.folder.parent.parent / "log").open("a") as log:
            log.write("made\n")
        with build_folder(self.folder) as temporary:
            time.sleep(0.5)
            (temporary / "bin").mkdir()
            (temporary / "bin" / "python").write_text("")


def counted() -> Counted:
    return Counted(name="some", torch="0", others=(), newest_python=(9, 9), size="0 GB")


def make(_: int) -> None:
    counted().python()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder for the user."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv(VARIABLE, raising=False)
    return tmp_path / "edgekit"


def test_two_processes_make_one_environment(cache: Path) -> None:
    with multiprocessing.get_context("fork").Pool(2) as pool:
        pool.map(make, range(2), chunksize=1)
    assert (cache / "log").read_text() == "made\n"
    assert counted().made


def test_what_an_interrupted_process_left_is_removed(cache: Path) -> None:
    left = cache / "runtimes" / ".some.abc"
    left.mkdir(parents=True)
    assert not counted().made
    counted().python()
    assert not left.exists()
    assert counted().remove()
    assert not counted().remove()


def test_environment_without_its_python_is_made_again(cache: Path) -> None:
    python = counted().python()
    python.unlink()
    python.symlink_to("a Python that was removed")
    assert counted().python().is_file()
    assert not python.is_symlink()
    assert (cache / "log").read_text() == "made\nmade\n"


def test_environment_that_does_not_load_torch_is_repaired(cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    python = counted().python()
    python.write_text("#!/bin/sh\necho no torch >&2\nexit 1\n")
    python.chmod(0o755)
    assert counted().repair().read_text() == ""
    assert "is damaged and is made again: no torch" in caplog.text
    assert (cache / "log").read_text() == "made\nmade\n"


def test_workshop_that_cannot_be_made_names_the_two_ways_out(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    with pytest.raises(
        DeviceError, match=rf"No matching distribution.*{TORCH}.*edgekit workshop make.*or set {VARIABLE}"
    ) as caught:
        own_environment().python()
    assert caught.value.exit_code == 4
    assert [path.name for path in (cache / "runtimes").iterdir()] == [f"workshop-torch-{TORCH}.lock"]


def test_workshop_installs_the_pinned_torch_from_the_index(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not cache.exists()
    commands: list[tuple[str, ...]] = []

    def run(_self: Environment, _folder: Path, _python: str, *step: str) -> str:
        commands.append(step)
        return ""

    monkeypatch.setattr(Environment, "_run", run)
    monkeypatch.setenv(environments.INDEX, "the-index")
    own_environment().python()
    _, torch_alone, everything, check, again = commands
    assert torch_alone[-3:] == ("--index-url", "the-index", f"torch=={TORCH}")
    assert f"torch=={TORCH}" in everything
    assert any(word.startswith("numpy==") for word in everything)
    assert check == again == ("import", "torch", "numpy", "msgspec")


def test_trim_removes_libraries_that_nothing_loads(tmp_path: Path) -> None:
    packages = tmp_path / "lib" / "python3.12" / "site-packages"
    names = ("nvidia/cu13/lib/libcudart.so.13", "nvidia/cudnn/lib/libcudnn_ops.so.9", "nvidia/cudnn/LICENSE")
    for name in (*names, "triton/__init__.py", "torch/lib/libtorch_cuda.so"):
        (packages / name).parent.mkdir(parents=True, exist_ok=True)
        (packages / name).write_text("")
    trim(tmp_path, ())
    assert (packages / "triton").is_dir()
    trim(tmp_path, (str((packages / names[0]).resolve()),))
    left = sorted(path.relative_to(packages).as_posix() for path in packages.rglob("*") if path.is_file())
    assert left == ["nvidia/cu13/lib/libcudart.so.13", "nvidia/cudnn/LICENSE", "torch/lib/libtorch_cuda.so"]


@pytest.mark.slow
def test_workshop_takes_as_much_disk_as_it_says(
    cache: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv(environments.INDEX, raising=False)
    python = own_environment().repair()
    said = float(re.search(r"of which ([\d.]+) GB stay", caplog.text)[1])
    assert size_bytes(cache / "runtimes") == pytest.approx(said * 1e9, rel=0.1)
    monkeypatch.setenv(VARIABLE, str(python))
    with Archive(tiny) as archive:
        results = WorkshopLiteRuntime().verify(archive)
    assert results
    assert all(result.comparison.passed for result in results)
    monkeypatch.delenv(VARIABLE)
    assert own_environment().remove()
