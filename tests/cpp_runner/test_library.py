"""The library as programs use it: from several threads, and installed, with CMake and pkg-config."""

import os
import re
import shlex
import shutil
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

import edgekit
from edgekit.format.axes import Axis, AxisRange
from edgekit.format.generator import generate
from edgekit.format.golden import GoldenInput
from edgekit.model import LiteModel

from .conftest import Exported, Run

EXAMPLES = Path("cpp_runner/examples").resolve()


def call(*command: object, **environment: str) -> str:
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, env=os.environ | environment, timeout=900
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_concurrency_gives_the_same_answers(program: Run, classifier: Exported) -> None:
    runs = 1000
    done = program("concurrency", classifier.package, 1, 3, 32, 32, runs)
    assert done.code == 0, done.err
    assert f"4 threads, {runs} runs each: 0 answers differ with a model each, 0 with a shared one" in done.out


class Echo(torch.nn.Module):
    """Returns its input and a view of it."""

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        return x, x[1:], x + 1


@pytest.mark.parametrize("suffix", [".ptl", ".pt"])
def test_outputs_keep_their_values_when_the_input_changes(program: Run, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"echo{suffix}"
    module = torch.jit.script(Echo().eval())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        module.save(str(path)) if suffix == ".pt" else module._save_for_lite_interpreter(str(path))
    assert program("ownership", "inputs", path, 4, 3).code == 0


def test_another_number_of_threads_gets_its_turn_between_busy_models(program: Run, classifier: Exported) -> None:
    assert program("ownership", "threads", classifier.package, 1, 3, 32, 32).code == 0


def test_loaded_model_outlives_its_file(program: Run, classifier: Exported, tmp_path: Path) -> None:
    copy = shutil.copy(classifier.package, tmp_path / "copy.ptl")
    assert program("ownership", "file", copy).code == 0


def test_library_exports_exactly_what_its_header_declares(build: Path) -> None:
    symbols = call("nm", "-D", "--defined-only", build / "libedgekit.so").splitlines()
    exported = {line.split()[-1] for line in symbols}
    header = Path("cpp_runner/include/edgekit/edgekit.h").read_text()
    assert exported == set(re.findall(r"^EK_API [^;#]*?\b(ek_\w+)\(", header, re.MULTILINE))


def library_version() -> tuple[int, int, int]:
    major, minor, patch = re.findall(r"\d+", edgekit.__version__)[:3]
    return int(major), int(minor), int(patch)


def test_soname_names_the_compatible_versions(build: Path) -> None:
    major, minor, _ = library_version()
    compatible = f"0.{minor}" if major == 0 else major
    assert f"Library soname: [libedgekit.so.{compatible}]" in call("readelf", "-d", build / "libedgekit.so")


def chosen_size(axis: Axis, position: int) -> int:
    """The size that the example chooses: the smallest of a range, and 1 or 64 where no range was proved."""
    if isinstance(axis, AxisRange):
        return -(-axis.min // axis.multiple) * axis.multiple
    return axis if axis is not None else (1 if position == 0 else 64)


def versions_that_do_not_fit() -> list[str]:
    major, minor, patch = library_version()
    return [f"{major + 1}.0.0", f"{major}.{minor + 1}.0", f"{major}.{minor}.{patch + 1}"]


@pytest.mark.installs
def test_install_serves_cmake_and_pkg_config(build: Path, classifier: Exported, tmp_path: Path) -> None:
    prefix = tmp_path / "moved" / "prefix"
    call("cmake", "--install", build, "--prefix", tmp_path / "first", "--strip")
    (tmp_path / "moved").mkdir()
    (tmp_path / "first").rename(prefix)  # the files find each other by relative paths

    call("cmake", "-S", EXAMPLES, "-B", tmp_path / "cmake", f"-DCMAKE_PREFIX_PATH={prefix}")
    call("cmake", "--build", tmp_path / "cmake")
    by_cmake = call(tmp_path / "cmake" / "run_model", classifier.package)

    for wanted in versions_that_do_not_fit():
        refused = tmp_path / wanted
        refused.mkdir()
        (refused / "CMakeLists.txt").write_text(
            f"cmake_minimum_required(VERSION 3.16)\nproject(other C)\nfind_package(edgekit {wanted} REQUIRED)\n"
        )
        found = subprocess.run(
            ["cmake", "-S", refused, "-B", refused / "build", f"-DCMAKE_PREFIX_PATH={prefix}"],
            capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        assert found.returncode != 0
        assert f'compatible with requested version "{wanted}"' in " ".join(found.stderr.split())

    configs = os.pathsep.join(str(path.parent) for path in prefix.rglob("edgekit.pc"))
    flags = shlex.split(call("pkg-config", "--cflags", "--libs", "edgekit", PKG_CONFIG_PATH=configs))
    library = next(prefix.rglob("libedgekit.so")).parent
    call(
        "cc",
        EXAMPLES / "run_model.c",
        *flags,
        f"-Wl,-rpath,{library}",
        "-Wl,--allow-shlib-undefined",
        "-o",
        tmp_path / "pc",
    )
    assert call(tmp_path / "pc", classifier.package) == by_cmake

    model = edgekit.load(classifier.package)
    assert isinstance(model, LiteModel)
    assert model.manifest is not None
    (spec,) = model.manifest.methods[0].inputs
    shape = tuple(chosen_size(axis, position) for position, axis in enumerate(spec.shape))
    x = generate(GoldenInput(name="x", dtype="float32", shape=shape, seed=1, low=0.0, high=1.0))
    expected = model.run([x])["0"][0, :5]
    assert np.allclose([float(word) for word in by_cmake.split()[1:6]], expected, rtol=1e-4)


@pytest.mark.installs
def test_install_is_small_and_its_runner_runs(build: Path, classifier: Exported, tmp_path: Path) -> None:
    call("cmake", "--install", build, "--prefix", tmp_path, "--strip")
    runner = tmp_path / "bin" / "edgekit-runner"
    library = next(path for path in tmp_path.rglob("libedgekit.so.*") if not path.is_symlink())
    assert runner.stat().st_size < 1_000_000
    assert library.stat().st_size < 1_000_000
    assert "PASS" in call(runner, "verify", classifier.package)
