"""The record of what this machine exported."""

from pathlib import Path

import pytest
from packages import edit_manifest, rewrite

import edgekit
from edgekit.runtimes.exported import fingerprint, is_exported, remember_exported


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_export_records_the_package_and_the_file_of_the_server(tmp_path: Path) -> None:
    import models
    import torch

    output = tmp_path / "linear.ptl"
    edgekit.export(models.conv_net().eval(), [torch.rand(1, 3, 32, 32)], output=output)
    assert is_exported(output)
    assert is_exported(output.with_suffix(".pt"))


def test_is_exported_a_changed_manifest_is_another_file(tiny: Path, tmp_path: Path) -> None:
    remember_exported(tiny)
    assert is_exported(tiny)
    changed = rewrite(tiny, tmp_path / "x.ptl", edit_manifest(lambda m: m.update(name="x")), remake_digests=True)
    assert not is_exported(changed)


def test_is_exported_plain_file_by_all_of_its_bytes(plain: Path, tmp_path: Path) -> None:
    remember_exported(plain, plain)
    remember_exported(plain)
    assert is_exported(plain)
    longer = tmp_path / "x.ptl"
    longer.write_bytes(plain.read_bytes() + b"x")
    assert not is_exported(longer)


def test_remember_exported_twice_is_one_line(plain: Path, cache: Path) -> None:
    for _ in range(2):
        remember_exported(plain)
    assert (cache / "edgekit" / "exported.txt").read_text() == fingerprint(plain) + "\n"


def test_remember_exported_without_a_cache_folder_does_nothing(plain: Path, cache: Path) -> None:
    cache.write_text("a file")
    remember_exported(plain)
    assert not is_exported(plain)
