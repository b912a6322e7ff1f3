"""The runner under test, and packages that edgekit exports for it."""

import json
import os
import shlex
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from models import perturb_batchnorm
from packages import save_lite
from segmenters import Segmenter

import edgekit

RUNNER = "EDGEKIT_RUNNER"  # the command line of the runner, for example "qemu-aarch64 -cpu cortex-a53 PATH"
DEFAULT_RUNNER = "build/cpp/release/cli/edgekit-runner"


@dataclass(frozen=True)
class Finished:
    """The result of a run of the command line."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)

    @property
    def results(self) -> Any:
        return self.document["results"]


Run = Callable[..., Finished]


@pytest.fixture(scope="session")
def runner_command() -> list[str]:
    command = shlex.split(os.environ.get(RUNNER, DEFAULT_RUNNER))
    if not Path(command[-1]).exists():
        pytest.skip(f"{command[-1]} is not built (make runner)")
    return [*command[:-1], str(Path(command[-1]).resolve())]


@pytest.fixture(scope="session")
def run(runner_command: list[str]) -> Run:
    """Runs the command line; a crash shows as a negative exit code."""

    def call(*arguments: object, cwd: Path | None = None, **environment: str) -> Finished:
        done = subprocess.run(
            [*runner_command, *map(str, arguments)],
            capture_output=True,
            text=True,
            errors="replace",
            cwd=cwd,
            env=os.environ | environment,
            timeout=600,
        )
        return Finished(done.returncode, done.stdout, done.stderr)

    return call


@pytest.fixture(scope="session")
def build(runner_command: list[str]) -> Path:
    """The build folder of the runner under test."""
    return Path(runner_command[-1]).parents[1]


@pytest.fixture(scope="session")
def program(runner_command: list[str], build: Path) -> Run:
    """Runs a program of cpp_runner/tests by its name without "edgekit_", under the emulator of the runner."""

    def call(name: str, *arguments: object) -> Finished:
        command = [*runner_command[:-1], str(build / "tests" / f"edgekit_{name}"), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
        return Finished(done.returncode, done.stdout, done.stderr)

    return call


@dataclass(frozen=True)
class Exported:
    package: Path
    server: Path


class Classifier(torch.nn.Module):
    """Small enough for an emulator, with the parts of mobile networks: strides, groups, BatchNorm, a residual."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = torch.nn.Sequential(
            torch.nn.Conv2d(3, 8, 3, 2, 1, bias=False), torch.nn.BatchNorm2d(8), torch.nn.ReLU()
        )
        self.depthwise = torch.nn.Sequential(
            torch.nn.Conv2d(8, 8, 3, 1, 1, groups=8, bias=False), torch.nn.BatchNorm2d(8)
        )
        self.head = torch.nn.Linear(8, 7)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        x = torch.relu(x + self.depthwise(x))
        return self.head(x.mean((2, 3)))


class Nested(torch.nn.Module):
    """A module with two inputs of different dtypes, and a dict and a tuple as outputs."""

    def forward(self, x: torch.Tensor, index: torch.Tensor) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        return {"sum": x + 1.0, "row": x[index]}, x * 2.0


def _exported(report: Any) -> Exported:
    return Exported(report.package, report.server)


@pytest.fixture(scope="session")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """An image classifier with labels and `predict`."""
    torch.manual_seed(0)
    model = perturb_batchnorm(Classifier())
    image = edgekit.ImageSpec(resize=36, crop=32, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4))
    labels = ("cat", "dog", "café", "日本", "owl", "fox", "elk")
    output = tmp_path_factory.mktemp("classifier") / "toy.ptl"
    return _exported(edgekit.export(model, ["1x3x32x32"], name="toy", output=output, image=image, labels=labels))


@pytest.fixture(scope="session")
def segmenter(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """A segmenter whose `predict` gives masks."""
    output = tmp_path_factory.mktemp("segmenter") / "mask.ptl"
    image = {"resize": 48, "mean": 0.5, "std": 0.25}
    return _exported(
        edgekit.export(Segmenter(), ["1x3x48x64"], name="mask", output=output, image=image, labels=list("abcde"))
    )


@pytest.fixture(scope="session")
def nested(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    output = tmp_path_factory.mktemp("nested") / "nested.ptl"
    return _exported(edgekit.export(Nested(), ["4x3", "2:int64[0,3]"], name="nested", output=output))


def save_plain(path: Path, *, flatbuffer: bool = False) -> Path:
    """A `.ptl` of torch alone, without the records of edgekit."""
    torch.manual_seed(0)
    return save_lite(torch.jit.script(perturb_batchnorm(Classifier()).eval()), path, flatbuffer=flatbuffer)


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_plain(tmp_path_factory.mktemp("plain") / "plain.ptl")
