"""Golden cases."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import edgekit
from edgekit.capture.pictures import is_steady
from edgekit.format.archive import Archive
from edgekit.format.generator import generate
from edgekit.format.golden import GoldenInput
from edgekit.parity.preprocess import Preprocess

IMAGENET = edgekit.ImageSpec(resize=256, crop=224, mean=(0.5,), std=(0.25,))
LEVELS = """
import sys, numpy, torch
from edgekit import ImageSpec
from edgekit.parity.preprocess import Preprocess
crop = Preprocess(ImageSpec(resize=256, crop=224, mean=(0.5,), std=(0.25,)))
pictures = numpy.load(sys.argv[1])
numpy.savez(sys.argv[2], **{name: crop(torch.from_numpy(pictures[name])).numpy() for name in pictures.files})
"""


class Logarithm(nn.Module):
    """Returns NaN and infinity outside its range, which probes exceed. Its graph has a constant None."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.log(x) * torch.arange(x.shape[1])


def test_golden_cases_leave_out_answers_that_json_cannot_hold(tmp_path) -> None:
    report = edgekit.export(Logarithm(), ["1x8:float32[0.5,2]"], output=tmp_path / "logarithm.ptl")
    assert report.verdict.passed
    assert {result.case for result in report.verdict.results} >= {"forward: seed 1", "forward: seed 2"}
    assert "forward: negated" not in {result.case for result in report.verdict.results}


def noise(height: int, width: int) -> torch.Tensor:
    given = GoldenInput(name="image", dtype="uint8", shape=(height, width, 3), seed=21, low=0, high=255)
    return torch.from_numpy(generate(given))


@pytest.mark.parametrize(
    ("height", "width", "steady"), [(512, 602, True), (320, 256, True), (128, 155, True), (293, 347, False)]
)
def test_is_steady_tells_exact_factors_from_others(height: int, width: int, steady: bool) -> None:
    assert is_steady(Preprocess(IMAGENET), noise(height, width)) == steady


def test_predict_cases_are_steady(tiny: Path) -> None:
    with Archive(tiny) as archive:
        assert archive.manifest is not None
        assert archive.manifest.image is not None
        assert archive.golden is not None
        preprocess = Preprocess(archive.manifest.image)
        pictures = [generate(case.inputs[0]) for case in archive.golden.cases if case.method == "predict"]
    assert len(pictures) == 3
    assert all(is_steady(preprocess, torch.from_numpy(picture)) for picture in pictures)


def test_steady_pictures_have_the_same_levels_without_fused_operations(tmp_path: Path) -> None:
    pictures = {f"{height}x{width}": noise(height, width) for height, width in ((512, 602), (320, 256), (128, 155))}
    np.savez(tmp_path / "pictures.npz", **{name: picture.numpy() for name, picture in pictures.items()})
    for kernels in ("default", ""):
        environment = {name: value for name, value in os.environ.items() if name != "ATEN_CPU_CAPABILITY"}
        environment |= {"ATEN_CPU_CAPABILITY": kernels} if kernels else {}
        command = [sys.executable, "-c", LEVELS, str(tmp_path / "pictures.npz"), str(tmp_path / f"{kernels}.npz")]
        subprocess.run(command, check=True, env=environment)
    with np.load(tmp_path / "default.npz") as plain, np.load(tmp_path / ".npz") as fused:
        assert all(np.array_equal(plain[name], fused[name]) for name in pictures)
