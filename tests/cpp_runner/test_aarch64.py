"""The bundle for boards, under qemu: parity of real models with Python, size, and independence of the system.

Only `make test-aarch64` runs these tests: one forward of resnet18 takes about 10 seconds under qemu.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import edgekit
from edgekit.pipeline import export_source
from edgekit.proving import ExportRequest
from edgekit.sources.source import SourceRequest

from .conftest import Exported

BUNDLE = Path("build/edgekit-aarch64").resolve()
C_LIBRARY = Path("/lib/aarch64-linux-gnu")
QEMU = ("qemu-aarch64", "-cpu", "cortex-a72")
ACROSS_CPUS = 1e-5

pytestmark = [
    pytest.mark.aarch64,
    pytest.mark.skipif(not BUNDLE.exists(), reason="the bundle is not built (make runner-aarch64)"),
]


def call(*command: object, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False, env=environment, timeout=1800
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "resnet18"])
def test_bundle_agrees_with_this_machines_python(name: str, tmp_path: Path) -> None:
    request = SourceRequest(weights="random", seed=0)
    package = export_source(name, request, ExportRequest(output=tmp_path / f"{name}.ptl")).package
    x = np.random.default_rng(0).normal(size=(1, 3, 224, 224)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    runner = (*QEMU, BUNDLE / "bin" / "edgekit-runner")
    call(*runner, "run", package, "--input", tmp_path / "x.npy", "-o", tmp_path / "y.npy")
    expected = edgekit.load(package).run([x])["0"]
    error = np.linalg.norm(np.load(tmp_path / "y.npy") - expected) / np.linalg.norm(expected)
    assert error <= ACROSS_CPUS


def copy_into(root: Path, files: Sequence[Path]) -> None:
    for file in files:
        target = root / str(file).lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may chroot")
def test_bundle_runs_in_an_empty_root(classifier: Exported, tmp_path: Path) -> None:
    emulator = Path(str(shutil.which(QEMU[0]))).resolve()
    libraries = re.findall(r"(/\S+)", call("ldd", emulator))
    copy_into(tmp_path, [emulator, *map(Path, libraries)])
    (tmp_path / "lib").mkdir(exist_ok=True)
    for pattern in ("ld-linux-aarch64.so.1", "libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1"):
        shutil.copy(C_LIBRARY / pattern, tmp_path / "lib" / pattern)
    for path in ("/proc/cpuinfo", "/sys/devices/system/cpu/possible", "/sys/devices/system/cpu/present"):
        copy = tmp_path / path.lstrip("/")  # XNNPACK reads the number of cores from the kernel
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(Path(path).read_text())
    shutil.copytree(BUNDLE, tmp_path / "bundle")
    shutil.copy(classifier.package, tmp_path / "toy.ptl")
    runner = (shutil.which("chroot"), tmp_path, emulator, *QEMU[1:], "/bundle/bin/edgekit-runner")
    assert "PASS" in call(*runner, "verify", "/toy.ptl", environment={})


def newest_glibc(folder: Path) -> tuple[int, ...]:
    needs = [call("readelf", "-V", path) for path in folder.glob("*/*") if path.is_file()]
    return max(tuple(map(int, version.split("."))) for text in needs for version in re.findall(r"GLIBC_([\d.]+)", text))


def test_bundle_needs_no_newer_c_library_than_it_says() -> None:
    promised = re.search(r"glibc ([\d.]+) or newer", (BUNDLE / "README.txt").read_text())
    assert promised is not None
    assert newest_glibc(BUNDLE) <= tuple(map(int, promised[1].split(".")))
    assert newest_glibc(BUNDLE) > (2, 28)  # otherwise the versions were not read


def test_bundle_is_as_small_as_promised() -> None:
    archive = BUNDLE.with_name("edgekit-aarch64.tar.zst")
    assert archive.stat().st_size < 80e6 + sum(path.stat().st_size for path in BUNDLE.glob("*.ptl"))
    assert (BUNDLE / "bin" / "edgekit-runner").stat().st_size < 1_000_000


def test_bundle_has_its_notices() -> None:
    listed = set(call("tar", "-tf", BUNDLE.with_name("edgekit-aarch64.tar.zst")).splitlines())
    assert {f"edgekit-aarch64/{name}" for name in ("LICENSE", "NOTICE", "README.txt")} <= listed
