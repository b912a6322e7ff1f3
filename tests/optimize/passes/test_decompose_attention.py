"""The pass that replaces fused attention, in each of its forms."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import models
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import edgekit
from edgekit.optimize.passes.base import Context
from edgekit.optimize.passes.decompose_attention import PASS
from edgekit.runtimes.compat import ANDROID, FUSED, operator_table

MaskOf = Callable[[torch.Tensor], torch.Tensor]
LOWEST = torch.finfo(torch.float32).min
INFINITE = float("-inf")
SIZES = ((1, 10), (2, 7), (3, 1), (1, 23))  # the first is the example's


class Attention(nn.Module):
    """Heads of width 8 over a sequence [N, L, 16]. The mask is made of 0 and 1, [N, L], where there is one."""

    def __init__(self, *, mask_of: MaskOf | None = None, key_heads: int = 4, **options: Any) -> None:
        super().__init__()
        self.mask_of, self.options = mask_of, options
        self.query, self.out = nn.Linear(16, 32), nn.Linear(32, 6)
        self.key, self.value = nn.Linear(16, 8 * key_heads), nn.Linear(16, 8 * key_heads)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        heads = [
            part(x).view(x.size(0), x.size(1), -1, 8).transpose(1, 2) for part in (self.query, self.key, self.value)
        ]
        bias = None if self.mask_of is None else self.mask_of(mask)
        y = F.scaled_dot_product_attention(*heads, attn_mask=bias, **self.options)
        return self.out(y.transpose(1, 2).reshape(x.size(0), x.size(1), 32)) + mask[:, :, None]


def keys(mask: torch.Tensor) -> torch.Tensor:
    return mask[:, None, None, :]


def pairs(mask: torch.Tensor) -> torch.Tensor:
    return mask[:, None, :, None] * mask[:, None, None, :]


def triangle(mask: torch.Tensor) -> torch.Tensor:
    return torch.ones(mask.size(1), mask.size(1), dtype=torch.bool).tril()


FORMS: dict[str, dict[str, Any]] = {
    "boolean, broadcast over heads and queries": {"mask_of": lambda mask: keys(mask) > 0},
    "boolean, broadcast over keys": {"mask_of": lambda mask: mask[:, None, :, None].bool()},
    "boolean, for each pair": {"mask_of": lambda mask: pairs(mask).bool() & triangle(mask)},
    "boolean, of sizes only": {"mask_of": triangle},
    "float, with the lowest number": {"mask_of": lambda mask: (1.0 - keys(mask)) * LOWEST},
    "float, with infinity": {
        "mask_of": lambda mask: torch.zeros(mask.shape).masked_fill(mask == 0, INFINITE)[:, None, None]
    },
    "float, of an integer and a number": {"mask_of": lambda mask: (1 - keys(mask)) * -10000.0},
    "float, for each pair": {"mask_of": lambda mask: pairs(mask) * 0.5 - keys(mask).float()},
    "mask with a scale": {"mask_of": lambda mask: keys(mask) > 0, "scale": 0.7},
    "causal": {"is_causal": True},
    "causal with a scale and grouped heads": {"is_causal": True, "scale": 0.2, "enable_gqa": True, "key_heads": 2},
    "scale that is an integer": {"scale": 1},
    "one head of keys": {"enable_gqa": True, "key_heads": 1},
}


@pytest.mark.parametrize("form", FORMS)
def test_export_attention_of_each_form_fits_android_and_is_right_at_other_sizes(tmp_path: Path, form: str) -> None:
    torch.manual_seed(0)
    model = Attention(**FORMS[form]).eval()
    report = edgekit.export(
        model, ["1x10x16", "1x10:int64[0,1]"], output=tmp_path / "m.ptl", fit="android", server=False
    )
    assert FUSED not in report.manifest.operators
    assert ANDROID in report.manifest.fits
    assert report.manifest.parity.norm_error <= 1e-5
    loaded = edgekit.load(report.package)
    for count, length in SIZES:
        x = torch.randn(count, length, 16)
        for mask in (torch.randint(0, 2, (count, length)), torch.zeros(count, length, dtype=torch.int64)):
            found = loaded.run([x.numpy(), mask.numpy()])["0"]
            np.testing.assert_allclose(found, model(x, mask).detach().numpy(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("fit", "fused"), [("android", False), ("current", True)])
def test_export_encoder_fits_the_runtime_asked_for(tmp_path: Path, fit: str, fused: bool) -> None:
    torch.manual_seed(0)
    report = edgekit.export(models.small_encoder().eval(), ["1x10x32"], output=tmp_path / "m.ptl", fit=fit)
    assert (FUSED in report.manifest.operators) == fused
    assert report.manifest.parity.norm_error <= 1e-5


@pytest.mark.parametrize("form", ["boolean, for each pair", "causal with a scale and grouped heads"])
def test_export_attention_with_fit_current_stays_fused(tmp_path: Path, form: str) -> None:
    torch.manual_seed(0)
    model = Attention(**FORMS[form]).eval()
    report = edgekit.export(
        model, ["1x10x16", "1x10:int64[0,1]"], output=tmp_path / "m.ptl", fit="current", server=False
    )
    assert FUSED in report.manifest.operators
    assert report.manifest.parity.norm_error <= 1e-5


class Branching(nn.Module):
    """Must be scripted. The graph shows neither the dtype of the mask nor whether attention is causal."""

    def forward(
        self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: torch.Tensor, causal: torch.Tensor
    ) -> torch.Tensor:
        if bool(q.sum() > 0):
            mask = mask.flip(-1)
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=bool(causal.any()), scale=0.4)


MASKS = {
    "boolean": torch.tensor([True, False, True, True, True]),
    "boolean, nothing takes part": torch.zeros(5, dtype=torch.bool),
    "float": torch.tensor([0.5, -1.0, LOWEST, 0.0, -0.2]),
    "float, the lowest number": torch.full((5,), LOWEST),
    "float, infinity": torch.tensor([0.0, INFINITE, INFINITE, 0.3, 0.0]),
    "float, infinity everywhere": torch.full((5,), INFINITE),
}


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("mask", MASKS)
def test_apply_scripted_attention_with_any_mask_agrees(mask: str, causal: bool) -> None:
    torch.manual_seed(0)
    q, k, v = torch.randn(1, 2, 3, 8), torch.randn(1, 2, 5, 8), torch.randn(1, 2, 5, 8)
    inputs = (q, k, v, MASKS[mask].repeat(3, 1), torch.tensor([causal]))
    scripted = torch.jit.freeze(torch.jit.script(Branching().eval()))
    context = Context((inputs,))
    assert not PASS.unfit(scripted, context)
    changed = PASS.apply(scripted, context, ())
    found = torch.jit.export_opnames(changed)
    assert FUSED not in found
    assert operator_table(ANDROID).operators.issuperset(found)
    for sign in (1, -1):
        given = (sign * q, *inputs[1:])
        torch.testing.assert_close(changed(*given), Branching()(*given), rtol=1e-5, atol=1e-6)


class Heads(nn.Module):
    """A `view` that needs the layout of the fused operator's result."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        heads = x.transpose(1, 2)
        y = F.scaled_dot_product_attention(heads, heads, heads, is_causal=True)
        return y.transpose(1, 2).view(x.size(0), -1)


@pytest.mark.parametrize("shape", [(2, 3, 5, 8), (4, 1, 6, 8)])
def test_apply_view_of_the_transposed_result_agrees(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 3, 4, 8)
    traced = torch.jit.freeze(torch.jit.trace(Heads().eval(), x))
    changed = PASS.apply(traced, Context(((x,),)), ())
    given = torch.randn(shape)
    torch.testing.assert_close(changed(given), Heads()(given), rtol=1e-5, atol=1e-6)


class Dropping(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.scaled_dot_product_attention(x, x, x, dropout_p=0.5)


@pytest.mark.parametrize("factory", [Dropping, models.SometimesMasked])
def test_unfit_attention_that_the_graph_does_not_show_names_the_reason(factory: type[nn.Module]) -> None:
    scripted = torch.jit.freeze(torch.jit.script(factory().eval()))
    assert "dropout, or only a run decides" in PASS.unfit(scripted, Context(((torch.randn(1, 6, 8),),)))


def test_export_attention_that_the_graph_does_not_show_stays_fused_and_right(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 8), models.SometimesMasked()).eval()
    report = edgekit.export(model, ["1x6x8"], output=tmp_path / "m.ptl")
    assert FUSED in report.manifest.operators
    assert report.manifest.parity.norm_error <= 1e-5


def test_export_unknown_fit_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(edgekit.EdgekitError, match="unknown fit 'ios'"):
        edgekit.export(models.small_encoder().eval(), ["1x10x32"], output=tmp_path / "m.ptl", fit="ios")
