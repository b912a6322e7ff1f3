"""Every output is contiguous when the stock lite interpreter runs the file."""

import warnings
from pathlib import Path

import models
import pytest
import torch
from torch import nn
from torch.jit.mobile import _load_for_lite_interpreter

import edgekit
from edgekit.errors import ParityError
from edgekit.nested import named_tensors
from edgekit.optimize.recipes import RECIPES, Recipe


class Maps(nn.Module):
    """Returns feature maps, which the channels_last pass leaves in its layout. The test chooses how they are nested."""

    def __init__(self, nesting: str) -> None:
        super().__init__()
        self.nesting = nesting
        self.body = models.perturb_batchnorm(models.ConvNet()).features[:6]
        self.heat, self.offset = nn.Conv2d(16, 5, 1), nn.Conv2d(16, 2, 1)

    def forward(self, x: torch.Tensor) -> object:
        f = self.body(x)
        a, b = torch.sigmoid(self.heat(f)), self.offset(f)
        if self.nesting == "tuple":
            return a, b
        if self.nesting == "list":
            return [a, b]
        if self.nesting == "deep":
            return a, ([b, f], {"mean": f.mean((2, 3)), "map": b})
        return a.transpose(1, 3)


class Branch(nn.Module):
    """Returns a tuple from a branch."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 5, 3)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        y = self.b(self.a(x))
        if bool(x.mean() > 0):
            return y, y * 2
        return y + 1, y.transpose(1, 2)


class Column(nn.Module):
    """Returns a column of a matrix, which is contiguous for one row only."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(3, 5, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(x)[:, 1:2]


CASES = [*((lambda n=n: Maps(n)) for n in ("tuple", "list", "deep", "transposed")), Branch, Column]


@pytest.mark.parametrize("factory", CASES)
def test_export_outputs_are_contiguous_in_a_stock_loader(tmp_path: Path, factory: object) -> None:
    torch.manual_seed(0)
    module = factory().eval()  # type: ignore[operator]
    path = edgekit.export(module, ["1x3x32x32"], name="maps", output=tmp_path / "m.ptl").package
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        loaded = _load_for_lite_interpreter(str(path))
    for sign in (1, -1):
        x = sign * torch.rand(2, 3, 40, 32)
        for name, output in named_tensors(loaded(x)).items():
            assert output.is_contiguous(), name
            assert torch.allclose(output, named_tensors(module(x))[name], rtol=1e-4, atol=1e-5)


def test_export_without_the_pass_is_refused_on_the_saved_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RECIPES, "bare", Recipe(name="bare", passes=("freeze", "channels_last", "optimize_for_mobile")))
    with pytest.raises(ParityError, match=r"output 0 of forward in the saved file is not contiguous"):
        edgekit.export(Maps("tuple").eval(), ["1x3x32x32"], output=tmp_path / "m.ptl", recipe="bare")
    assert not (tmp_path / "m.ptl").exists()
