"""The eager model answers each probe as it was given, whatever earlier runs kept on its parts."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import edgekit
from edgekit.errors import UsageError
from edgekit.parity.eager import FreshModel


class Window(nn.Module):
    """Looks at the last tokens. A shorter text makes its window shorter for good, as the layers of some hub models do."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)
        self.window = 8

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.window = min(self.window, x.shape[1])
        return self.linear(x[:, -self.window :]).sum(1)


class Table(nn.Module):
    """Keeps what it made for the size of its first run."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("positions", torch.zeros(0))
        self.kept = {"runs": 0}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.positions.numel():
            self.positions = torch.linspace(0, 1, x.shape[1])
        return x * self.positions


class Counts(Table):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.kept["runs"] += 1
        return x * self.kept["runs"]


@pytest.mark.parametrize(("factory", "shape"), [(Window, (1, 3, 4)), (Table, (1, 5)), (Counts, (1, 5))])
def test_run_after_another_one_has_the_answer_of_a_new_model(factory: type[nn.Module], shape: tuple[int, ...]) -> None:
    model = factory().eval()
    fresh, larger = FreshModel(model), torch.ones(shape[0], shape[1] + 7, *shape[2:])
    with torch.no_grad():
        expected = copy.deepcopy(model)(larger)
        fresh.module(torch.ones(shape))
        assert torch.equal(fresh.module(larger), expected)
        assert torch.equal(copy.deepcopy(model)(larger), expected)  # the given model is as it was


def test_model_that_keeps_nothing_is_copied_once() -> None:
    fresh = FreshModel(nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)).eval())
    first = fresh.module
    first(torch.ones(2, 4))
    assert fresh.module is first


def test_export_model_that_smaller_sizes_change_is_right_for_a_new_model(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = Window().eval()
    loaded = edgekit.load(edgekit.export(model, "1x16x4", output=tmp_path / "m.ptl", server=False).package)
    draw = np.random.default_rng(0)
    taken = 0
    for length in (3, 8, 9, 16, 20, 40):
        array = draw.random((1, length, 4), dtype=np.float32)
        with torch.no_grad():
            expected = copy.deepcopy(model)(torch.from_numpy(array)).numpy()
        try:
            found = loaded.run(array)["0"]
        except UsageError:  # the manifest leaves this size out
            continue
        taken += 1
        assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max(), length
    assert taken > 1
