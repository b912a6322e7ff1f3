"""Writes the package: edgekit's own archive around torch's records (docs/format.md)."""

import contextlib
import hashlib
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Literal

from edgekit.errors import PackageError
from edgekit.format.archive import MANIFEST, SERIALIZATION_ID, SIGNATURE
from edgekit.format.canonical import Renamer
from edgekit.format.container import read_directory, remove_last

MOST_BYTES = (1 << 32) - 2  # of a package: larger ones need zip64

_ROOT = "archive/"
_ALIGNMENT = 64
_LOCAL_HEADER = 30
_EXTRA_HEADER = 4
_DATE = (1980, 1, 1, 0, 0, 0)
_FIXED_ID = b"0" * 40
_CHUNK = 1 << 20
_DROPPED = ("code/", "extra/")  # debug records hold source paths; the lite interpreter reads neither
_PICKLES = ("data.pkl", "constants.pkl", "bytecode.pkl")


def write_records(torch_file: Path, destination: Path, extras: Mapping[str, str]) -> dict[str, str]:
    """Rewrites a file of `_save_for_lite_interpreter` as a package that still lacks its manifest.

    Lite interpreters load it as it is, so the parity of the very bytes that are kept can be proved before the manifest
    states it: see `append_manifest`.

    Args:
        torch_file: what torch wrote.
        destination: the file to write; see `files.atomic`.
        extras: further records by name, as ASCII text.

    Returns:
        The SHA-256 digests of all records, sorted by name.
    """
    digests: dict[str, str] = {}
    renamer = Renamer()
    with zipfile.ZipFile(torch_file) as source, _archive(destination, "w") as target:
        root = source.namelist()[0].partition("/")[0] + "/"
        names = [name for name in source.namelist() if not name.removeprefix(root).startswith(_DROPPED)]
        for name in [
            *(root + p for p in _PICKLES if root + p in names),
            *(n for n in names if n.removeprefix(root) not in _PICKLES),
        ]:
            short = name.removeprefix(root)
            if short in _PICKLES:
                digests[short] = _write(target, short, renamer.rewrite(source.read(name)))
            elif short == SERIALIZATION_ID:
                _write(target, short, _FIXED_ID)
            else:
                with source.open(name) as record:
                    digests[short] = _copy(target, short, record, source.getinfo(name).file_size)
        for short, text in extras.items():
            digests[short] = _write(target, short, text.encode("ascii"))
    return dict(sorted(digests.items()))


def append_manifest(package: Path, text: str) -> None:
    """Adds the manifest, the last record; all other bytes but the zip's directory stay where they are."""
    with _archive(package, "a") as target:
        _write(target, MANIFEST, text.encode("ascii"))


def replace_signature(package: Path, signature: bytes) -> None:
    """Adds the signature as the last record, or replaces it there; all other records stay where they are.

    Raises:
        PackageError: the package gets too large.
    """
    with package.open("r+b") as file:
        directory = read_directory(file)
        if directory.entries[-1].name.endswith("/" + SIGNATURE):
            remove_last(file, directory)
    with _archive(package, "a") as target:
        _write(target, SIGNATURE, signature)


def rewrite_plain(torch_file: Path, destination: Path) -> None:
    """Rewrites a file of `torch.jit.save` without its debug records, under the fixed root, dates and id."""
    with zipfile.ZipFile(torch_file) as source, _archive(destination, "w") as target:
        for info in source.infolist():
            short = info.filename.partition("/")[2]
            if short == SERIALIZATION_ID:
                _write(target, short, _FIXED_ID)
            elif not short.endswith(".debug_pkl"):
                with source.open(info) as record:
                    _copy(target, short, record, info.file_size)


def too_large(what: str) -> str:
    return (
        f"{what} would have more than 4 GB; a package has less. Export a smaller model, or one with quantized weights."
    )


@contextlib.contextmanager
def _archive(path: Path, mode: Literal["w", "a"]) -> Iterator[zipfile.ZipFile]:
    """An archive without zip64 records. Python writes them from half of `MOST_BYTES` on, which no reader needs.

    Raises:
        PackageError: it gets larger than `MOST_BYTES`.
    """
    zip_module: Any = zipfile  # whose limit has no other way to be changed
    limit = zip_module.ZIP64_LIMIT
    zip_module.ZIP64_LIMIT = MOST_BYTES
    try:
        with zipfile.ZipFile(path, mode, zipfile.ZIP_STORED, allowZip64=False) as target:
            yield target
    except zipfile.LargeZipFile as error:
        raise PackageError(f"{path.name}: {too_large('the package')}") from error
    finally:
        zip_module.ZIP64_LIMIT = limit


def _entry(target: zipfile.ZipFile, name: str, size: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(_ROOT + name, date_time=_DATE)
    info.file_size = size
    info.create_system = 3
    info.external_attr = 0o644 << 16
    if target.fp is None:
        raise ValueError("the archive is closed")
    data_at = target.fp.tell() + _LOCAL_HEADER + len(info.filename) + _EXTRA_HEADER
    padding = -data_at % _ALIGNMENT
    info.extra = b"FB" + padding.to_bytes(2, "little") + b"Z" * padding  # the field that torch's own writer pads with
    return info


def _write(target: zipfile.ZipFile, name: str, data: bytes) -> str:
    target.writestr(_entry(target, name, len(data)), data)
    return hashlib.sha256(data).hexdigest()


def _copy(target: zipfile.ZipFile, name: str, record: IO[bytes], size: int) -> str:
    sha = hashlib.sha256()
    with target.open(_entry(target, name, size), "w") as out:
        while chunk := record.read(_CHUNK):
            sha.update(chunk)
            out.write(chunk)
    return sha.hexdigest()
