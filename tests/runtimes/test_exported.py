"""The record of what this machine exported."""

import subprocess
import sys
from pathlib import Path

import pytest
from packages import edit_manifest, rewrite

import edgekit
from edgekit.runtimes.exported import MOST_FILES, fingerprint, is_exported, remember_exported


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


def test_remember_exported_keeps_the_newest(plain: Path, cache: Path) -> None:
    record = cache / "edgekit" / "exported.txt"
    record.parent.mkdir(parents=True)
    record.write_text("".join(f"{number:064x}\n" for number in range(MOST_FILES)))
    remember_exported(plain)
    lines = record.read_text().split()
    assert len(lines) == MOST_FILES
    assert (lines[0], lines[-1]) == (f"{1:064x}", fingerprint(plain))


def test_remember_exported_of_many_processes_at_once_loses_none(tmp_path: Path, cache: Path) -> None:
    files = [tmp_path / f"{number}.pt" for number in range(8)]
    for file in files:
        file.write_bytes(file.name.encode())
    code = "import sys, pathlib, edgekit.runtimes.exported as e; e.remember_exported(pathlib.Path(sys.argv[1]))"
    processes = [subprocess.Popen([sys.executable, "-c", code, file]) for file in files]
    assert [process.wait() for process in processes] == [0] * len(files)
    assert all(map(is_exported, files))
    assert sorted(path.name for path in (cache / "edgekit").iterdir()) == ["exported.lock", "exported.txt"]


def test_remember_exported_without_a_cache_folder_does_nothing(plain: Path, cache: Path) -> None:
    cache.write_text("a file")
    remember_exported(plain)
    assert not is_exported(plain)
