"""Sources that are files."""

import zipfile
from pathlib import Path

import models
import pytest
import torch
from torch import nn

from edgekit.errors import SourceError
from edgekit.sources import resolve
from edgekit.sources.files import from_file
from edgekit.sources.inputs import parse_input
from edgekit.sources.resolve import load_source
from edgekit.sources.source import SourceRequest


def test_load_source_frozen_torchscript_is_taken(tmp_path: Path) -> None:
    """Freezing removes the attribute `training`. The server's file of an export is such a module."""
    traced = torch.jit.trace(models.conv_net().eval(), torch.zeros(1, 3, 32, 32))
    torch.jit.freeze(traced).save(str(tmp_path / "frozen.pt"))
    source = from_file(tmp_path / "frozen.pt", SourceRequest(inputs=[parse_input("1x3x32x32")]))
    assert [spec.name for spec in source.inputs] == ["x"]


@pytest.mark.parametrize("name", ["net.jit", "net.torchscript", "net.torchscript.pt", "net.v2.bin", "net"])
def test_load_source_torchscript_of_any_suffix_is_found_by_content(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.jit.save(torch.jit.script(nn.Linear(4, 2)), name)
    source = load_source(name, SourceRequest(inputs=[parse_input("1x4")]))
    assert (source.source, source.inputs[0].name) == (name, "input")
    assert source.name == ("net.v2" if "v2" in name else "net")


def test_load_source_name_of_a_model_is_not_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("alexnet").write_bytes(b"no model")
    monkeypatch.setattr(resolve, "from_name", lambda text, _request: text)
    assert load_source("alexnet", SourceRequest()) == "alexnet"


@pytest.mark.parametrize(
    ("records", "message"),
    [
        (["a/data.pkl", "a/data/0"], "weights or objects without code. .* export its model with --checkpoint"),
        (["a/data.pkl", "a/constants.pkl", "a/bytecode.pkl"], "a package for the lite interpreter"),
        (["a/archive_format", "a/data/aotinductor/m.so"], "compiled for one kind of machine"),
        (["a/anything"], "is not a TorchScript file"),
    ],
)
def test_from_file_of_another_kind_is_named(records: list[str], message: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "net.pt", "w") as archive:
        for record in records:
            archive.writestr(record, "")
    with pytest.raises(SourceError, match=message):
        from_file(tmp_path / "net.pt", SourceRequest())
