"""The names of folded constants."""

from pathlib import Path

import models
import pytest
import torch
from torch import nn

import edgekit
from edgekit.capture import parameters as capture_parameters


def parameters(report: edgekit.ExportReport) -> list[str | None]:
    return [constant.parameter for constant in report.manifest.constants]


def test_constants_folded_batchnorm_is_named_after_its_sources(tmp_path: Path) -> None:
    torch.manual_seed(0)
    report = edgekit.export(models.conv_net().eval(), ["1x3x32x32"], output=tmp_path / "m.ptl")
    expected = [
        "features.0.weight",
        "features.1.bias",
        "features.3.weight",
        "features.4.bias",
        "classifier.weight",
        "classifier.bias",
    ]
    assert parameters(report) == expected


def test_constants_of_unknown_origin_have_no_name(tmp_path: Path) -> None:
    class Table(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + torch.arange(4.0)

    torch.manual_seed(0)
    report = edgekit.export(nn.Sequential(nn.Linear(4, 4), Table()).eval(), ["1x4"], output=tmp_path / "m.ptl")
    assert sorted(map(str, parameters(report))) == ["0.bias", "0.weight", "None"]


class Odd(nn.Module):
    """A normalization without a bias, complex weights, and a sparse buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(6, bias=False)
        self.w = nn.Parameter(torch.randn(4, dtype=torch.complex64))
        self.register_buffer("adjacency", torch.eye(6).to_sparse())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.fft.irfft(torch.fft.rfft(self.norm(x)) * self.w, n=6)
        return torch.sparse.mm(self.adjacency, y.t()).t()


def test_export_odd_tensors_do_not_lose_the_package(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = models.perturb_batchnorm(Odd()).eval()
    report = edgekit.export(model, ["5x6"], output=tmp_path / "m.ptl")
    assert {c.dtype for c in report.manifest.constants} >= {"complex64", "float32"}
    assert edgekit.verify(report.package).passed


def test_name_constants_that_fails_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise AttributeError("no such thing")

    monkeypatch.setattr(capture_parameters, "_batchnorm_shifts", fail)
    report = edgekit.export(nn.Linear(4, 3).eval(), ["2x4"], output=tmp_path / "m.ptl")
    assert [c.parameter for c in report.manifest.constants if c.parameter] == []
    assert "the parameter names of the constants are left out: AttributeError: no such thing" in caplog.text
