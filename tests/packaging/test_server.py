"""The server's file is judged with and without optimize_for_inference. A failure does not stop the package."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import edgekit
from edgekit.packaging import server


class Pooled(nn.Module):
    """With `optimize_for_inference` it uses mkldnn's adaptive pooling, which refuses sizes that are not divisible."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(7))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(x)


def test_server_file_without_the_step_that_breaks_it_gives_the_eager_answer(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = Pooled().eval()
    report = edgekit.export(model, ["1x3x56x56"], output=tmp_path / "m.ptl")
    made = report.document.results.server
    assert made is not None
    assert report.server == tmp_path / "m.pt"
    assert not made.optimize_for_inference.applied
    assert "not divisible" in made.optimize_for_inference.note
    x = torch.rand(1, 3, 50, 61)  # a size that optimize_for_inference would refuse
    loaded = edgekit.load(report.server)
    assert np.allclose(loaded.run([x.numpy()])["0"], model(x).detach().numpy(), atol=1e-6)


def test_server_file_that_cannot_be_right_is_left_out_and_the_package_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    other = torch.jit.trace(nn.Linear(4, 3).eval(), torch.zeros(2, 4))
    monkeypatch.setattr(server, "load_server", lambda _path: other)
    report = edgekit.export(nn.Linear(4, 3).eval(), ["2x4"], output=tmp_path / "m.ptl")
    assert report.server is None
    assert report.document.results.server is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.json", "m.ptl"]
    assert "was not written, because it breaks parity" in caplog.text


def test_export_without_the_server_file_writes_none(tmp_path: Path) -> None:
    report = edgekit.export(nn.Linear(4, 3).eval(), ["2x4"], output=tmp_path / "m.ptl", server=False)
    assert report.server is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.json", "m.ptl"]
