"""A run does not change the caller's buffers, even if the model writes to its inputs."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import edgekit
from edgekit.errors import ParityError
from edgekit.optimize.passes.aliases import may_be_written
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
    first = loaded.run([x, y])["0"]
    assert (x == 0.5).all()
    assert np.array_equal(first, loaded.run([x, y])["0"])


class RareWrites(nn.Module):
    """Writes to its input for values that no probe has: to a view, by `out=`, by an index, or to an item of a list."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.way == "view":
            x.view(-1)[1:].clamp_(max=100.0)
        elif self.way == "out":
            torch.clamp(x, max=100.0, out=x)
        elif self.way == "index":
            x[x > 100.0] = 0.0
        elif self.way == "list":
            for part in x.chunk(2, dim=1):
                part.clamp_(max=100.0)
        return x * 2 + x.sum()


@pytest.mark.parametrize("way", ["view", "out", "index", "list"])
def test_export_clones_an_input_that_no_probe_changes(tmp_path: Path, way: str) -> None:
    edgekit.export(RareWrites(way).eval(), ["2x8"], output=tmp_path / "m.ptl", server=False)
    x = np.full((2, 8), 200.0, np.float32)
    found = edgekit.load(tmp_path / "m.ptl").run([x])["0"]
    assert (x == 200.0).all()
    np.testing.assert_allclose(found, RareWrites(way)(torch.full((2, 8), 200.0)).numpy())


class WritesTo(nn.Module):
    """Writes to a tensor that is computed from the input, in branches, loops, tuples and lists; or to the input too."""

    def __init__(self, kept: bool) -> None:
        super().__init__()
        self.kept = kept

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        y, pair = x * 2, (x + 1, x)
        if bool(x.sum() > 0):
            y = pair[1] if self.kept else pair[0]
        found = [y]
        for _ in range(int(x.abs().sum()) % 3 + 1):
            found.append(found[0] * 2)
            y = found[0].view(-1)
        y.clamp_(max=100.0)
        return found


@pytest.mark.parametrize("kept", [False, True])
def test_inputs_that_may_be_written_follow_aliases_alone(kept: bool) -> None:
    graph = torch.jit.freeze(torch.jit.script(WritesTo(kept).eval())).graph
    assert [may_be_written(value) for value in graph.inputs()][1:] == [kept]


def test_export_model_that_only_reads_gets_no_clone(tmp_path: Path) -> None:
    module = nn.Sequential(nn.Linear(4, 3), nn.ReLU(inplace=True))
    report = edgekit.export(module.eval(), ["2x4"], output=tmp_path / "m.ptl")
    step = next(step for step in report.manifest.recipe.passes if step.name == "own_inputs")
    assert (step.applied, step.note) == (False, "no input is written")


def test_export_without_the_pass_is_refused_on_the_saved_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RECIPES, "bare", Recipe(name="bare", passes=("freeze",)))
    with pytest.raises(ParityError, match="writes to its input 0"):
        edgekit.export(InPlace().eval(), ["2x8", "2x8"], output=tmp_path / "m.ptl", recipe="bare")
    assert not (tmp_path / "m.ptl").exists()
