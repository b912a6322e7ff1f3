"""The saved file decides which sizes the manifest claims."""

from pathlib import Path

import models
import pytest
import torch
from torch import nn

import edgekit
from edgekit import proving
from edgekit.errors import ParityError


class Scaled(nn.Module):
    """Takes an array and a number of rank 0."""

    def forward(self, x: torch.Tensor, count: torch.Tensor) -> torch.Tensor:
        return x.relu() * (count + 1)


def test_export_sample_of_rank_0_beside_an_array_of_any_size(tmp_path: Path) -> None:
    class Refuses(Scaled):
        def forward(self, x: torch.Tensor, count: torch.Tensor) -> torch.Tensor:
            if x.shape[0] != 3:
                raise ValueError("three rows only")
            return super().forward(x, count)

    inputs = [torch.rand(3, 5), torch.tensor(2)]
    made = edgekit.export(Refuses(), inputs, output=tmp_path / "o.ptl", mode="trace", server=False)
    assert made.manifest.methods[0].inputs[0].shape[0] == 3


@pytest.mark.parametrize("dynamic", [None, "0=1-4"])
def test_saved_file_that_differs_at_another_size_leaves_the_sizes_of_the_example(
    dynamic: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prove = proving.prove_draft

    def only_the_example(draft: proving.PackageDraft):  # type: ignore[no-untyped-def]
        if draft.optimized.captured.ranges:
            raise ParityError("the saved file disagrees on case 'forward: size x 4x8'")
        return prove(draft)

    monkeypatch.setattr(proving, "prove_draft", only_the_example)
    model, path = nn.Sequential(nn.Linear(8, 4), nn.ReLU()), tmp_path / "o.ptl"
    if dynamic:
        with pytest.raises(ParityError, match="disagrees on case"):
            edgekit.export(model, ["1x8"], output=path, server=False, dynamic=dynamic)
        assert not path.exists()
    else:
        made = edgekit.export(model, ["1x8"], output=path, server=False)
        assert made.manifest.methods[0].inputs[0].shape == (1, 8)
        assert made.verdict.passed


def test_saved_file_that_differs_at_the_size_of_the_example_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(_draft: proving.PackageDraft) -> None:
        raise ParityError("the saved file disagrees on case 'forward: seed 1'")

    monkeypatch.setattr(proving, "prove_draft", never)
    with pytest.raises(ParityError, match="seed 1"):
        edgekit.export(models.conv_net(), ["1x3x32x32"], output=tmp_path / "o.ptl", server=False)
    assert list(tmp_path.iterdir()) == []
