"""Every reader refuses a container that another reader could read differently, and names the cause."""

import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from attacks.containers import ATTACKS, MANIFEST, join, parts_of, plain_with_descriptor
from edgekit.cli.main import main
from edgekit.errors import PackageError
from edgekit.format.archive import Archive

SECONDS = 10.0  # of CPU time: many times what it takes, on a machine with other work too


def records_of(package: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(package) as file:
        return {info.filename.partition("/")[2]: file.read(info) for info in file.infolist()}


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize("verb", ["inspect", "verify"])
def test_container_attack_exits_3_and_names_the_cause(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, verb: str
) -> None:
    message, attack = ATTACKS[name]
    package = tmp_path / "x.ptl"
    package.write_bytes(attack(parts_of(records_of(tiny))))
    start = time.process_time()
    assert main([verb, str(package)]) == 3
    assert time.process_time() - start < SECONDS
    assert message in capsys.readouterr().err


def test_container_rebuilt_without_an_attack_is_accepted(tiny: Path, tmp_path: Path) -> None:
    package = tmp_path / "x.ptl"
    package.write_bytes(join(parts_of(records_of(tiny))))
    with Archive(package) as archive:
        assert archive.check_digests() > 0


@pytest.mark.parametrize("mode", [0o644, 0o100600])
def test_container_modes_of_files_are_accepted(tiny: Path, tmp_path: Path, mode: int) -> None:
    package = tmp_path / "x.ptl"
    parts = [replace(part, central={"attributes": mode << 16}) for part in parts_of(records_of(tiny))]
    package.write_bytes(join(parts))
    with Archive(package) as archive:
        assert archive.check_digests() > 0


def test_container_plain_file_may_have_data_descriptors_that_agree(plain: Path, tmp_path: Path) -> None:
    records = records_of(plain)
    assert MANIFEST not in records
    package = tmp_path / "x.ptl"
    package.write_bytes(plain_with_descriptor(records, honest=True))
    with Archive(package) as archive:
        assert archive.bytecode.methods
    package.write_bytes(plain_with_descriptor(records, honest=False))
    with pytest.raises(PackageError, match="data descriptor that contradicts"):
        Archive(package)


@pytest.mark.parametrize("cut", range(1, 130, 7))
def test_container_plain_file_of_torch_cut_short_is_refused(plain: Path, tmp_path: Path, cut: int) -> None:
    package = tmp_path / "x.ptl"
    package.write_bytes(plain.read_bytes()[:-cut])
    with pytest.raises(PackageError, match=r"end record|zip64"):
        Archive(package)
