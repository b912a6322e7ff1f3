"""torchvision's operators in the runner: against torchvision's own kernels, with odd boxes, and in the package of a detector."""

from pathlib import Path

import detectors
import numpy as np
import pytest
import torch
from packages import save_lite
from torch import nn
from torchvision.ops import nms

from edgekit.pipeline import export_source
from edgekit.proving import ExportRequest
from edgekit.sources.inputs import parse_input
from edgekit.sources.source import SourceRequest

from .conftest import Run

THRESHOLD = 0.5
RUNTIME = 4


class Nms(nn.Module):
    """NMS as detectors call it."""

    def forward(self, boxes: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        return nms(boxes, scores, THRESHOLD)


class Pool(nn.Module):
    """RoIAlign of 5 x 3 elements with a scale of a quarter."""

    def __init__(self, samples: int, aligned: bool) -> None:
        super().__init__()
        self.samples, self.aligned = samples, aligned

    def forward(self, x: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
        return torch.ops.torchvision.roi_align(x, boxes, 0.25, 5, 3, self.samples, self.aligned)


def random_boxes(count: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Boxes from inside a map of 80 x 56 pixels to far beyond it; some have no area."""
    generator = torch.Generator().manual_seed(count)
    corners = torch.rand(count, 2, generator=generator) * 90 - 10
    sides = (torch.rand(count, 2, generator=generator) * 60 - 5).clamp(min=0)
    return torch.cat([corners, corners + sides], dim=1).to(dtype)


def answer(run: Run, folder: Path, module: nn.Module, *inputs: torch.Tensor) -> np.ndarray:
    package = save_lite(torch.jit.freeze(torch.jit.trace(module.eval(), inputs)), folder / "x.ptl")
    arguments: list[object] = []
    for index, tensor in enumerate(inputs):
        np.save(folder / f"{index}.npy", tensor.numpy())
        arguments += ["--input", folder / f"{index}.npy"]
    done = run("run", package, *arguments, "-o", folder / "out.npy")
    assert done.code == 0, done.err
    found: np.ndarray = np.load(folder / "out.npy")
    return found


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("count", [1, 2, 300])
def test_nms_keeps_the_boxes_that_torchvision_keeps(run: Run, tmp_path: Path, count: int, dtype: torch.dtype) -> None:
    boxes = random_boxes(count, dtype)
    scores = (torch.arange(count, dtype=dtype) * 7 % 13) / 13  # equal scores keep their order
    expected = nms(boxes, scores, THRESHOLD)
    assert answer(run, tmp_path, Nms(), boxes, scores).tolist() == expected.tolist()


def test_nms_at_the_threshold_keeps_both(run: Run, tmp_path: Path) -> None:
    boxes = torch.tensor([[0.0, 0.0, 4.0, 3.0], [0.0, 0.0, 2.0, 3.0], [0.0, 0.0, 4.0, 2.0]])
    scores = torch.tensor([0.9, 0.8, 0.7])
    assert answer(run, tmp_path, Nms(), boxes, scores).tolist() == nms(boxes, scores, THRESHOLD).tolist() == [0, 1]


@pytest.mark.parametrize("aligned", [True, False])
@pytest.mark.parametrize("samples", [0, 2, -1])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_roi_align_pools_what_torchvision_pools(
    run: Run, tmp_path: Path, samples: int, aligned: bool, dtype: torch.dtype
) -> None:
    module, x = Pool(samples, aligned), torch.randn(2, 3, 20, 14, dtype=dtype)
    pictures = (torch.arange(60) % 2).to(dtype)[:, None]
    boxes = torch.cat([pictures, random_boxes(60, dtype)], dim=1)
    expected = module(x, boxes).numpy()
    found = answer(run, tmp_path, module, x, boxes)
    assert found.shape == expected.shape
    # An ARM processor rounds coordinates up to 20 otherwise, and so the weights of neighbouring elements.
    assert np.abs(found - expected).max() < 64 * torch.finfo(dtype).eps


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        ([2.0, 0, 0, 9, 9], "a box is in picture 2 of 2"),
        ([-1.0, 0, 0, 9, 9], "a box is in picture -1 of 2"),
        ([0.0, 0, 0, 1e30, 9], "samples along a side of each bin"),
    ],
)
def test_roi_align_refuses_a_box_that_reads_elsewhere_or_never_ends(
    run: Run, tmp_path: Path, box: list[float], reason: str
) -> None:
    x, good = torch.randn(2, 3, 20, 14), torch.tensor([[0.0, 0, 0, 9, 9]])
    package = save_lite(torch.jit.freeze(torch.jit.trace(Pool(0, False).eval(), (x, good))), tmp_path / "x.ptl")
    np.save(tmp_path / "x.npy", x.numpy())
    np.save(tmp_path / "boxes.npy", np.array([box], dtype=np.float32))
    done = run("run", package, "--input", tmp_path / "x.npy", "--input", tmp_path / "boxes.npy")
    assert done.code == RUNTIME
    assert reason in done.err


def test_detector_passes_in_the_runner(run: Run, tmp_path: Path) -> None:
    request = SourceRequest(inputs=(parse_input(detectors.SIZE),), weights="random")
    source = f"{detectors.__file__}:faster_rcnn"
    options = ExportRequest(output=tmp_path / "detector.ptl", server=False)
    report = export_source(source, request, options)
    done = run("verify", report.package, "--json")
    assert done.code == 0, done.err
    assert {row["output"] for row in done.results} >= {"boxes", "labels", "scores", "class_logits"}
    assert sum(row["case"].startswith("predict") for row in done.results) == 6


def test_ops_lists_the_operators_of_torchvision(run: Run) -> None:
    names = {row["name"] for row in run("ops", "--json").results}
    assert {"torchvision::nms", "torchvision::roi_align"} <= names
