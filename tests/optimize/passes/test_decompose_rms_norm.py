"""The pass that replaces `rms_norm`."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import edgekit
from edgekit.optimize.passes.base import Context
from edgekit.optimize.passes.decompose_rms_norm import PASS
from edgekit.runtimes.compat import ANDROID, RMS_NORM, operator_table

NORMS: dict[str, dict[str, Any]] = {
    "default eps": {"normalized_shape": 8},
    "eps": {"normalized_shape": 8, "eps": 1e-3},
    "no weight": {"normalized_shape": 8, "elementwise_affine": False},
    "two axes": {"normalized_shape": (5, 8)},
}


def norm_of(form: str, dtype: torch.dtype = torch.float32) -> nn.RMSNorm:
    torch.manual_seed(0)
    norm = nn.RMSNorm(**NORMS[form], dtype=dtype).eval()
    for weight in norm.parameters():
        nn.init.normal_(weight)
    return norm


@pytest.mark.parametrize("form", NORMS)
def test_export_rms_norm_fits_android_and_is_right_at_other_sizes(tmp_path: Path, form: str) -> None:
    model = nn.Sequential(norm_of(form), nn.Linear(8, 4)).eval()
    report = edgekit.export(model, ["2x5x8"], output=tmp_path / "m.ptl", fit="android", server=False)
    assert ANDROID in report.manifest.fits
    assert report.manifest.parity.norm_error <= 1e-5
    loaded = edgekit.load(report.package)
    for scale in (1.0, 1e-4, 1e4):  # eps matters for small inputs only
        x = torch.randn(3, 5, 8) * scale
        np.testing.assert_allclose(loaded.run([x.numpy()])["0"], model(x).detach().numpy(), rtol=1e-4, atol=1e-5)


def test_export_rms_norm_with_fit_current_keeps_the_operator(tmp_path: Path) -> None:
    model = nn.Sequential(norm_of("eps"), nn.Linear(8, 4)).eval()
    report = edgekit.export(model, ["2x5x8"], output=tmp_path / "m.ptl", fit="current", server=False)
    assert RMS_NORM in report.manifest.operators
    assert ANDROID not in report.manifest.fits


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("scripted", [False, True])
@pytest.mark.parametrize("form", NORMS)
def test_apply_agrees_where_eps_matters(form: str, scripted: bool, dtype: torch.dtype) -> None:
    norm, x = norm_of(form, dtype), torch.randn(2, 5, 8, dtype=dtype) * 1e-4
    captured = torch.jit.freeze(torch.jit.script(norm) if scripted else torch.jit.trace(norm, x))
    changed = PASS.apply(captured, Context(((x,),)), ())
    found = torch.jit.export_opnames(changed)
    assert RMS_NORM not in found
    assert operator_table(ANDROID).operators.issuperset(found)
    torch.testing.assert_close(changed(x), norm(x).detach(), rtol=1e-5, atol=1e-7)


class AnyAxes(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.rms_norm(x, x.shape[1:])


def test_unfit_axes_that_only_a_run_decides_names_the_reason() -> None:
    x = torch.randn(2, 8)
    scripted = torch.jit.freeze(torch.jit.script(AnyAxes().eval()))
    assert "only a run decides the axes" in PASS.unfit(scripted, Context(((x,),)))


def test_unfit_without_rms_norm_names_the_reason() -> None:
    x = torch.randn(2, 8)
    traced = torch.jit.freeze(torch.jit.trace(nn.Linear(8, 4).eval(), x))
    assert PASS.unfit(traced, Context(((x,),))) == "no rms_norm"
