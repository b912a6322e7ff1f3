"""The names of folded constants."""

from pathlib import Path

import models
import torch
from torch import nn

import edgekit


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
