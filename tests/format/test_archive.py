"""Reading packages without torch: good packages, and files that are not packages."""

import json
import zipfile
from pathlib import Path

import pytest
import torch
from packages import rewrite, scale_largest_weight

from edgekit.errors import PackageError
from edgekit.format.archive import MANIFEST, Archive


def set_version(version: str):
    def edit(records: dict[str, bytes]) -> None:
        manifest = json.loads(records[MANIFEST])
        manifest["schema_version"] = version
        manifest["a_field_of_the_future"] = 1
        records[MANIFEST] = json.dumps(manifest).encode()

    return edit


def test_archive_good_package_reads_without_torch(tiny: Path) -> None:
    with Archive(tiny) as archive:
        assert archive.manifest is not None
        assert archive.manifest.name == "tiny"
        assert archive.bytecode.version == 8
        assert [m.name for m in archive.bytecode.methods] == ["forward", "predict"]
        assert archive.labels == ("ant", "bee", "cat", "dög", "emu\\n")
        assert archive.check_digests() == len(archive.records) - 2
        assert len(list(archive.tensors())) == len(archive.manifest.constants)


def test_archive_records_are_stored_aligned_and_undated(tiny: Path) -> None:
    raw = tiny.read_bytes()
    with zipfile.ZipFile(tiny) as file:
        for info in file.infolist():
            assert info.filename.startswith("archive/")
            assert (info.compress_type, info.date_time) == (zipfile.ZIP_STORED, (1980, 1, 1, 0, 0, 0))
            header = raw[info.header_offset : info.header_offset + 30]
            start = (
                info.header_offset
                + 30
                + int.from_bytes(header[26:28], "little")
                + int.from_bytes(header[28:30], "little")
            )
            assert start % 64 == 0, info.filename
            assert not info.filename.endswith(".debug_pkl")


def test_check_digests_changed_record_is_named(tiny: Path, tmp_path: Path) -> None:
    broken = rewrite(tiny, tmp_path / "x.ptl", scale_largest_weight, remake_digests=False)
    with (
        Archive(broken) as archive,
        pytest.raises(PackageError, match=r"record constants/\d+\.storage was changed: expected sha256"),
    ):
        archive.check_digests()


def test_check_digests_remade_digests_agree(tiny: Path, tmp_path: Path) -> None:
    broken = rewrite(tiny, tmp_path / "x.ptl", scale_largest_weight, remake_digests=True)
    with Archive(broken) as archive:
        assert archive.check_digests() > 0


@pytest.mark.parametrize(
    ("edit", "match"),
    [
        (lambda r: r.update({"extra/more": b"1"}), "extra/more is not in the manifest"),
        (lambda r: r.pop("byteorder"), "byteorder is missing"),
    ],
)
def test_check_digests_surplus_or_missing_record_is_named(tiny: Path, tmp_path: Path, edit, match: str) -> None:
    with (
        Archive(rewrite(tiny, tmp_path / "x.ptl", edit, remake_digests=False)) as archive,
        pytest.raises(PackageError, match=match),
    ):
        archive.check_digests()


def test_archive_newer_minor_version_and_unknown_fields_are_read(tiny: Path, tmp_path: Path) -> None:
    with Archive(rewrite(tiny, tmp_path / "x.ptl", set_version("1.9"), remake_digests=False)) as archive:
        assert archive.manifest is not None


@pytest.mark.parametrize("version", ["3.0", "one", "1"])
def test_archive_newer_major_or_odd_version_is_refused(tiny: Path, tmp_path: Path, version: str) -> None:
    broken = rewrite(tiny, tmp_path / "x.ptl", set_version(version), remake_digests=False)
    with Archive(broken) as archive, pytest.raises(PackageError, match="schema_version"):
        _ = archive.manifest


def test_archive_truncated_anywhere_is_an_error(tiny: Path, tmp_path: Path) -> None:
    data = tiny.read_bytes()
    for length in (1, 100, len(data) // 2, len(data) - 1):
        path = tmp_path / "cut.ptl"
        path.write_bytes(data[:length])
        with pytest.raises(PackageError, match="not a zip archive"):
            Archive(path)


def test_archive_foreign_files_say_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "empty.ptl").touch()
    with zipfile.ZipFile(tmp_path / "other.ptl", "w") as file:
        file.writestr("word/document.xml", "<w/>")
    torch.jit.save(torch.jit.script(torch.nn.ReLU()), str(tmp_path / "plain.pt"))
    for name, match in (
        ("empty.ptl", "is empty"),
        ("other.ptl", "another tool"),
        ("plain.pt", "plain TorchScript"),
        ("missing.ptl", "does not exist"),
        ("", "is a directory"),
    ):
        with pytest.raises(PackageError, match=match):
            Archive(tmp_path / name)


def test_archive_hostile_pickle_is_refused_and_runs_nothing(tiny: Path, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    command = f"touch {marker}".encode()
    hostile = b"cos\nsystem\n(X" + len(command).to_bytes(4, "little") + command + b"tR."
    broken = rewrite(tiny, tmp_path / "x.ptl", lambda r: r.update({"bytecode.pkl": hostile}), remake_digests=True)
    with Archive(broken) as archive, pytest.raises(PackageError, match="is not a class of a TorchScript archive"):
        _ = archive.bytecode
    assert not marker.exists()
