"""The pass that replaces fused attention."""

from pathlib import Path

import models
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

import edgekit
from edgekit.runtimes.compat import FUSED


class Masked(nn.Module):
    """Attention with a mask, which the pass does not replace."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mask = torch.ones(x.size(1), x.size(1), dtype=torch.bool).tril()
        return F.scaled_dot_product_attention(x, x, x, attn_mask=mask)


class Causal(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.scaled_dot_product_attention(x, x, x, is_causal=True)


@pytest.mark.parametrize(("fit", "fused"), [("android", False), ("current", True)])
def test_export_encoder_fits_the_runtime_asked_for(tmp_path: Path, fit: str, fused: bool) -> None:
    torch.manual_seed(0)
    report = edgekit.export(models.small_encoder().eval(), ["1x10x32"], output=tmp_path / "m.ptl", fit=fit)
    assert (FUSED in report.manifest.operators) == fused
    assert report.manifest.parity.norm_error <= 1e-5


@pytest.mark.parametrize("factory", [Masked, Causal])
def test_export_attention_without_plain_equivalent_stays_fused_and_right(
    tmp_path: Path, factory: type[nn.Module]
) -> None:
    torch.manual_seed(0)
    report = edgekit.export(nn.Sequential(nn.Linear(8, 8), factory()).eval(), ["1x6x8"], output=tmp_path / "m.ptl")
    assert FUSED in report.manifest.operators
    assert report.manifest.parity.norm_error <= 1e-5


def test_export_unknown_fit_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(edgekit.EdgekitError, match="unknown fit 'ios'"):
        edgekit.export(models.small_encoder().eval(), ["1x10x32"], output=tmp_path / "m.ptl", fit="ios")
