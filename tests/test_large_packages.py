"""Packages of more than 2 GB, from which on Python writes records that no package may have."""

import zipfile
from pathlib import Path

import pytest
import torch
from torch import nn

import edgekit
from edgekit.cli.main import main
from edgekit.errors import PackageError, SourceError
from edgekit.format import writer


class Table(nn.Module):
    """An embedding; with `shared`, all rows are one, which takes no memory."""

    def __init__(self, rows: int, shared: bool = False) -> None:
        super().__init__()
        weight = torch.zeros(1, 64).expand(rows, 64) if shared else torch.zeros(rows, 64)
        self.weight = nn.Parameter(weight, requires_grad=False)
        if not shared:
            self.weight[:1000].normal_(generator=torch.Generator().manual_seed(0))

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.weight[ids]


@pytest.mark.slow
def test_package_of_more_than_2_gb_is_right_on_lite_and_native(tmp_path: Path) -> None:
    path = tmp_path / "table.ptl"
    report = edgekit.export(Table(9_000_000), ["16:int64[0,999]"], output=path, server=False)
    assert report.verdict.passed
    assert path.stat().st_size > 1 << 31
    assert main(["verify", str(path), "--runtime", "native"]) == 0


def test_export_of_more_than_4_gb_is_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="its package would have more than 4 GB; a package has less"):
        edgekit.export(Table(1 << 24, shared=True), ["16:int64[0,999]"], output=tmp_path / "table.ptl")
    assert list(tmp_path.iterdir()) == []


def test_writer_refuses_what_needs_zip64(tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = zipfile.ZIP64_LIMIT
    monkeypatch.setattr(writer, "MOST_BYTES", 1000)
    with pytest.raises(PackageError, match=r"x\.ptl: the package would have more than 4 GB"):
        writer.rewrite_plain(tiny, tmp_path / "x.ptl")
    assert limit == zipfile.ZIP64_LIMIT
