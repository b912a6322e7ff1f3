"""A run does not change the caller's buffers, even if the model writes to its inputs."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import edgekit
from edgekit.errors import ParityError
from edgekit.optimize.recipes import RECIPES, Recipe


class InPlace(nn.Module):
    """Normalizes its first input in place; the second is only read."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(8, 4)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        x -= x.mean(1, keepdim=True)
        return self.fc(x + y)


class InPlaceOnABranch(nn.Module):
    """Must be scripted. Depending on the data, it writes to a view of its input."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(8, 4)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        if bool(x.sum() > 0):
            x[:, 1:3].clamp_(-0.1, 0.1)
        return self.fc(x + y)


@pytest.mark.parametrize("model", [InPlace, InPlaceOnABranch])
@pytest.mark.parametrize("recipe", ["mobile", "none"])
def test_export_model_that_writes_its_input_leaves_the_callers_array(
    tmp_path: Path, model: type[nn.Module], recipe: str
) -> None:
    torch.manual_seed(0)
    path = tmp_path / "m.ptl"
    report = edgekit.export(model().eval(), ["2x8", "2x8"], output=path, recipe=recipe)
    assert next(step for step in report.manifest.recipe.passes if step.name == "own_inputs").applied
    loaded = edgekit.load(path)
    x, y = np.full((2, 8), 0.5, np.float32), np.ones((2, 8), np.float32)
    first = loaded.run([x, y])["0"]  # type: ignore[arg-type]
    assert (x == 0.5).all()
    assert np.array_equal(first, loaded.run([x, y])["0"])  # type: ignore[arg-type]


def test_export_model_that_only_reads_gets_no_clone(tmp_path: Path) -> None:
    report = edgekit.export(nn.Linear(4, 3).eval(), ["2x4"], output=tmp_path / "m.ptl")
    step = next(step for step in report.manifest.recipe.passes if step.name == "own_inputs")
    assert (step.applied, step.note) == (False, "no input is written")


def test_export_without_the_pass_is_refused_on_the_saved_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RECIPES, "bare", Recipe(name="bare", passes=("freeze",)))
    with pytest.raises(ParityError, match="writes to its input 0"):
        edgekit.export(InPlace().eval(), ["2x8", "2x8"], output=tmp_path / "m.ptl", recipe="bare")
    assert not (tmp_path / "m.ptl").exists()
