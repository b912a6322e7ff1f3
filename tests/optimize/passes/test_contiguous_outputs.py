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


class Grown(nn.Module):
    """Returns as many feature maps as the data says."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 5, 3)

    def steps(self, x: torch.Tensor) -> int:
        return int(x.abs().sum().item()) % 3 + 1


class GrownList(Grown):
    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        y, found = self.head(self.body(x)), [self.body(x)]
        for step in range(self.steps(x)):
            found.append(y * (step + 1))
        return found


class GrownPairs(Grown):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, list[tuple[torch.Tensor, torch.Tensor]]]:
        y, found = self.head(self.body(x)), [(x, x)]
        for step in range(self.steps(x)):
            found.append((y * (step + 1), y.transpose(1, 2)))
        return y, found


class GrownLists(Grown):
    def forward(self, x: torch.Tensor) -> list[list[torch.Tensor]]:
        y = self.head(self.body(x))
        found: list[list[torch.Tensor]] = []
        for step in range(self.steps(x)):
            found.append([y * (step + 1), self.body(x)])
        return found


class GrownDict(Grown):
    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        y = self.head(self.body(x))
        found = {"first": y}
        for step in range(self.steps(x)):
            found[str(step)] = y.transpose(1, 3) * (step + 1)
        return found


class SometimesMap(Grown):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        y = self.head(self.body(x))
        if bool(x.sum() > 0):
            return y, y * 2
        return y, None


class Column(nn.Module):
    """Returns a column of a matrix, which is contiguous for one row only."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(3, 5, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(x)[:, 1:2]


class Cropped(nn.Module):
    """Pads to a multiple, and crops the result, which is whole at the sizes of the example."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Conv2d(3, 12, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h, w = x.shape[2:]
        padded = nn.functional.pad(x, (0, -w % 8, 0, -h % 8))
        return nn.functional.pixel_shuffle(self.net(padded), 2)[..., : 2 * h, : 2 * w]


def test_export_output_that_is_not_contiguous_at_other_sizes_alone_keeps_its_sizes(tmp_path: Path) -> None:
    report = edgekit.export(Cropped().eval(), ["1x3x16x16"], output=tmp_path / "m.ptl", server=False)
    assert [str(axis) for axis in report.manifest.methods[0].inputs[0].shape[2:]] == ["1..64", "1..64"]


def test_export_output_of_a_linear_layer_needs_no_copy(tmp_path: Path) -> None:
    report = edgekit.export(nn.Linear(4, 3).eval(), ["2x4"], output=tmp_path / "m.ptl", server=False)
    step = next(step for step in report.manifest.recipe.passes if step.name == "contiguous_outputs")
    assert (step.applied, step.note) == (False, "every output is contiguous")


CASES = [*((lambda n=n: Maps(n)) for n in ("tuple", "list", "deep", "transposed")), Branch, Column]
CASES += [GrownList, GrownPairs, GrownLists, GrownDict, SometimesMap]


@pytest.mark.parametrize("factory", CASES)
def test_export_outputs_are_contiguous_in_a_stock_loader(tmp_path: Path, factory: object) -> None:
    torch.manual_seed(0)
    module = factory().eval()
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
