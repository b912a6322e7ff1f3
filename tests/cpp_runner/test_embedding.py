"""The library inside another program: runs that are stopped, memory of the program, frames of a camera."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from packages import save_lite

import edgekit
from edgekit.model import LiteModel

from .conftest import Exported, Run, save_plain

USAGE = 2
CONFORMANCE = Path(__file__).parents[1] / "conformance"


class Endless(torch.nn.Module):
    """Never ends for numbers above 0."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        while bool(x.sum() > 0):
            x = x + 1.0
        return x


class Counting(torch.nn.Module):
    """The same with plain numbers, which do not reach the dispatcher of libtorch."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        more = bool(x.sum() > 0)
        count = 0
        while more:
            count = (count + 1) % 1000
        return x + count


@pytest.mark.parametrize("kind", ["zip", "flatbuffer", "torchscript", "plain numbers"])
def test_run_ends_by_stop_and_by_deadline(program: Run, tmp_path: Path, kind: str) -> None:
    module = torch.jit.script((Counting() if kind == "plain numbers" else Endless()).eval())
    path = tmp_path / ("m.pt" if kind == "torchscript" else "m.ptl")
    if kind == "torchscript":
        module.save(str(path))
    else:
        save_lite(module, path, flatbuffer=kind == "flatbuffer")
    done = program("stopping", path)
    assert done.code == 0, done.err


@pytest.mark.parametrize("kind", ["package", "server", "flatbuffer"])
def test_library_keeps_to_itself(program: Run, classifier: Exported, tmp_path: Path, kind: str) -> None:
    paths = {"package": classifier.package, "server": classifier.server}
    path = paths[kind] if kind in paths else save_plain(tmp_path / "flat.ptl", flatbuffer=True)
    done = program("embedding", path, 1, 3, 32, 32)
    assert done.code == 0, done.err


def camera_picture(number: int) -> np.ndarray:
    """The upright picture of a frame of examples/camera_loop.c, in floating point."""
    y, x = np.mgrid[0:480, 0:640]
    luma = ((x + y + 8 * number) % 256).astype(np.float64)
    u = (x // 2 * 2 // 4).astype(np.float64) - 128
    v = np.full_like(luma, 16 * (number % 4))
    rgb = np.stack([luma + 1.402 * v, luma - 0.344136 * u - 0.714136 * v, luma + 1.772 * u], -1)
    return np.rot90(np.clip(np.rint(rgb), 0, 255).astype(np.uint8), -1).copy()


def test_camera_loop_names_what_python_names(program: Run, classifier: Exported) -> None:
    done = program("camera_loop", classifier.package, 3)
    assert done.code == 0, done.err
    model = edgekit.load(classifier.package)
    assert isinstance(model, LiteModel)
    for number, line in enumerate(done.out.splitlines()):
        ((label, score),) = model.predict(camera_picture(number), topk=1)
        best = line.split(",")[0]
        assert best.startswith(f"frame {number}: {label} (class ")
        assert float(best.split()[-1]) == pytest.approx(score, abs=2e-3)


def test_camera_loop_without_a_model_says_how_to_use_it(program: Run) -> None:
    done = program("camera_loop")
    assert (done.code, done.err) == (USAGE, "usage: camera_loop MODEL.ptl [FRAMES]\n")


def test_conformance_file_is_what_its_script_writes(tmp_path: Path) -> None:
    script = tmp_path / "make_frames.py"
    script.write_text((CONFORMANCE / "make_frames.py").read_text())
    subprocess.run([sys.executable, script], check=True)
    assert (CONFORMANCE / "frames.json").read_text() == (tmp_path / "frames.json").read_text()
