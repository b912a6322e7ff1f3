"""Sources that are files."""

from pathlib import Path

import models
import torch

from edgekit.sources.files import from_file
from edgekit.sources.inputs import parse_input
from edgekit.sources.source import SourceRequest


def test_load_source_frozen_torchscript_is_taken(tmp_path: Path) -> None:
    """Freezing removes the attribute `training`. The server's file of an export is such a module."""
    traced = torch.jit.trace(models.conv_net().eval(), torch.zeros(1, 3, 32, 32))
    torch.jit.freeze(traced).save(str(tmp_path / "frozen.pt"))
    source = from_file(tmp_path / "frozen.pt", SourceRequest(inputs=[parse_input("1x3x32x32")]))
    assert [spec.name for spec in source.inputs] == ["x"]
