"""What the lite interpreter cannot save is named with its line and its way out."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import edgekit
from edgekit.errors import OptimizeError


class Autocast(nn.Module):
    """Needs script for its branch."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast("cpu", enabled=False):
            return self.fc(x) if bool(x.mean() > 0) else self.fc(-x) * 2


def test_save_lite_names_the_line_and_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(OptimizeError) as caught:
        edgekit.export(Autocast().eval(), ["2x4"], name="m", output=tmp_path / "m.ptl")
    for message in [
        "test_lite_file:Autocast cannot be saved for the lite interpreter: ENTER is not supported",
        "(test_lite_file.py:21). Scripted code has a",
    ]:
        assert message in str(caught.value)
    assert list(tmp_path.iterdir()) == []
