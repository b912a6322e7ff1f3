"""Reads a package without torch or numpy: its records, their digests, the manifest and what torch's pickles say."""

import hashlib
import os
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, BinaryIO

from edgekit.errors import PackageError
from edgekit.files import may_never_end
from edgekit.format.codec import from_json
from edgekit.format.container import ContainerError, Directory, check_names, check_records, read_directory
from edgekit.format.golden import Golden, GoldenCase
from edgekit.format.labels import decode_labels
from edgekit.format.pickles import Bytecode, StorageTensor, read_bytecode, read_tensors
from edgekit.format.schema import NOISE_CAP, Manifest, MethodSpec

MANIFEST = "extra/edgekit/manifest.json"
GOLDEN = "extra/edgekit/golden.json"
LABELS = "extra/edgekit/labels.txt"
SIGNATURE = "extra/edgekit/signature"
SERIALIZATION_ID = ".data/serialization_id"
UNLISTED = frozenset({MANIFEST, SERIALIZATION_ID, SIGNATURE})  # without a digest in the manifest
SIGNATURE_BYTES = 96
MOST_LABELS = 1 << 20
TEXT_LIMIT = 64 << 20  # bytes of the largest manifest, golden or pickle record that a reader parses
_CHUNK = 1 << 20
_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError)


@dataclass(frozen=True, slots=True)
class Record:
    """One file of the archive; `name` is without the root folder; `offset` is where its local header starts."""

    name: str
    size_bytes: int
    offset: int


class Archive:
    """A `.ptl` opened for reading.

    Raises:
        PackageError: the path is missing, a directory, empty, cut short, not a zip archive, or without lite-interpreter bytecode.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._file = _open(self.path)
        try:
            directory = self._read_directory()
            self._root, self.records = _records(directory)
            self._by_name = {record.name: record for record in self.records}
            if "bytecode.pkl" not in self._by_name:
                raise PackageError(self._foreign())
            self._zip = self._checked(directory)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> "Archive":
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()
        self._file.close()

    def _read_directory(self) -> Directory:
        try:
            return read_directory(self._file)
        except (ContainerError, OSError) as error:
            raise PackageError(
                f"{self.path} is not a zip archive, or is cut short: {error}. Expected a .ptl; copy or export it again."
            ) from error

    def _checked(self, directory: Directory) -> zipfile.ZipFile:
        """Python's own reader, for a file that it can only understand as libtorch does."""
        try:
            check_names(directory)
            check_records(self._file, directory, plain=MANIFEST not in self)
            return zipfile.ZipFile(self._file)
        except (ContainerError, OSError, zipfile.BadZipFile, NotImplementedError) as error:
            raise PackageError(
                f"{self.path}: {error}. The file is damaged or was changed; copy or export it again."
            ) from error

    def _foreign(self) -> str:
        if "data.pkl" in self._by_name:
            return (
                f"{self.path} is a plain TorchScript or checkpoint file (.pt): it has no bytecode for the lite interpreter. "
                "Export it first: edgekit export " + self.path.name
            )
        return f"{self.path} is a zip archive of another tool: it has no bytecode.pkl. Expected a .ptl of edgekit or torch."

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def open(self, name: str) -> IO[bytes]:
        return self._zip.open(self._root + name)

    def read(self, name: str) -> bytes:
        """A whole record of at most TEXT_LIMIT bytes."""
        if self._by_name[name].size_bytes > TEXT_LIMIT:
            raise PackageError(
                f"{self.path}: record {name} has {self._by_name[name].size_bytes} bytes; "
                f"expected at most {TEXT_LIMIT}. Export it again."
            )
        try:
            with self.open(name) as file:
                return file.read()
        except _UNREADABLE as error:
            raise PackageError(f"{self.path}: record {name} is damaged ({error}). Copy or export it again.") from error

    @cached_property
    def manifest(self) -> Manifest | None:
        """The manifest, or None in a plain `.ptl`."""
        if MANIFEST not in self:
            return None
        return from_json(self.read(MANIFEST), Manifest, f"{self.path}: {MANIFEST}")

    @cached_property
    def golden(self) -> Golden | None:
        """The golden cases, each of which lists elements of each output."""
        if GOLDEN not in self:
            return None
        return from_json(self.read(GOLDEN), Golden, f"{self.path}: {GOLDEN}")

    @cached_property
    def labels(self) -> tuple[str, ...]:
        if LABELS not in self:
            return ()
        text = self.read(LABELS)
        if text.count(b"\n") > MOST_LABELS:
            raise PackageError(f"{self.path}: {LABELS} has more than {MOST_LABELS} labels. Export it again.")
        try:
            return decode_labels(text.decode("ascii"))
        except UnicodeDecodeError as error:
            raise PackageError(f"{self.path}: {LABELS} is not escaped ASCII: {error}. Export it again.") from error

    @cached_property
    def signature(self) -> bytes | None:
        """The public key and the signature, or None if the package is not signed. It is not checked here."""
        if SIGNATURE not in self or MANIFEST not in self:
            return None
        if (size := self._by_name[SIGNATURE].size_bytes) != SIGNATURE_BYTES:
            raise PackageError(
                f"{self.path}: record {SIGNATURE} has {size} bytes; expected {SIGNATURE_BYTES}. It is damaged: sign the package "
                "again, or get it again from who made it."
            )
        return self.read(SIGNATURE)

    @cached_property
    def bytecode(self) -> Bytecode:
        return read_bytecode(self.read("bytecode.pkl"), f"{self.path}: bytecode.pkl")

    def tensors(self) -> Iterator[StorageTensor]:
        """The tensors of the constants and of the module's state, in the order of the pickles."""
        yield from self._tensors("constants.pkl", "constants")
        yield from self._tensors("data.pkl", "data")

    def _tensors(self, pickle: str, folder: str) -> Iterator[StorageTensor]:
        if pickle in self:
            yield from read_tensors(self.read(pickle), folder, f"{self.path}: {pickle}")

    def _stored_tensors(self) -> Iterator[StorageTensor]:
        """All tensors that libtorch reads: the bytecode repeats those of the constants."""
        yield from self.tensors()
        apart = any("bytecode/" in record.name for record in self.records)  # as in bytecode 4
        yield from self._tensors("bytecode.pkl", "bytecode" if apart else "constants")

    def digest(self, name: str) -> str:
        """SHA-256 of a record, in hex."""
        sha = hashlib.sha256()
        try:
            with self.open(name) as file:
                while chunk := file.read(_CHUNK):
                    sha.update(chunk)
        except _UNREADABLE as error:
            raise PackageError(f"{self.path}: record {name} is damaged ({error}). Copy or export it again.") from error
        return sha.hexdigest()

    def check_digests(self) -> int:
        """Checks every record against its digest in the manifest, and returns the number of records.

        Raises:
            PackageError: a record was changed, is missing or is not in the manifest, or there is no manifest.
        """
        if self.manifest is None:
            raise PackageError(
                f"{self.path} has no edgekit manifest, so there are no digests to check. Make it with edgekit export."
            )
        expected = self.manifest.records
        present = {record.name for record in self.records} - UNLISTED
        for name in sorted(expected.keys() ^ present):
            state = "is missing" if name in expected else "is not in the manifest"
            raise PackageError(f"{self.path}: record {name} {state}. The file was changed; copy or export it again.")
        if SERIALIZATION_ID in self:
            self.digest(SERIALIZATION_ID)  # has no digest in the manifest; reading it checks its CRC-32
        _ = self.signature
        for name, digest in expected.items():
            if (got := self.digest(name)) != digest:
                raise PackageError(
                    f"{self.path}: record {name} was changed: expected sha256 {digest[:16]}…, got {got[:16]}…. "
                    "Copy or export it again."
                )
        return len(expected)

    def check_documents(self) -> None:
        """Checks the documents and the length of the signature; a golden case that lists nothing would pass on other weights.

        Raises:
            PackageError: one of them is not valid.
        """
        if self.manifest is not None:
            _ = self.golden
            _ = self.signature

    def check_storages(self) -> None:
        """Checks that each record is as long as its tensors need: libtorch reads beyond a shorter one.

        Raises:
            PackageError: a record is missing or too short.
        """
        for tensor in self._stored_tensors():
            size = self._by_name[tensor.record].size_bytes if tensor.record in self else 0
            if size < tensor.end_bytes:
                raise PackageError(
                    f"{self.path}: record {tensor.record} has {size} bytes; expected at least {tensor.end_bytes} for "
                    f"{tensor.dtype} {list(tensor.shape)}. The file was changed; export it again."
                )

    def check_golden(self) -> None:
        """Checks that the bounds of the golden cases are tight.

        Raises:
            PackageError: a case would pass on other weights.
        """
        bounds = {"the manifest": None if self.manifest is None else self.manifest.tolerance}
        for case in self.golden.cases if self.golden is not None else ():
            bounds[f"golden case {case.name!r}"] = case.tolerance
        for where, tolerance in bounds.items():
            if tolerance is not None and not tolerance.loosened and tolerance.largest > NOISE_CAP:
                raise PackageError(
                    f"{self.path}: {where} has a tolerance of {tolerance.largest:g}, which is not marked as loosened; "
                    f"expected at most {NOISE_CAP:g}. The file was changed; export it again."
                )

    def check_methods(self) -> None:
        """Checks the manifest's methods against the bytecode, and the golden cases' inputs against the manifest.

        A wrong number of arguments, or one that is not a tensor, crashes the interpreter, and a wrong number of channels
        crashes XNNPACK's kernels.

        Raises:
            PackageError: they contradict each other.
        """
        methods = {} if self.manifest is None else {method.name: method for method in self.manifest.methods}
        written = {method.name: method for method in self.bytecode.methods}
        for name, method in methods.items():
            if name not in written or not written[name].takes_tensors(len(method.inputs)):
                found = f"takes ({', '.join(map(str, written[name].inputs))})" if name in written else "is missing"
                raise PackageError(
                    f"{self.path}: method {name} has {len(method.inputs)} inputs in the manifest, but it {found} in the "
                    "bytecode. The file was changed; export it again."
                )
        for case in self.golden.cases if self.golden is not None else ():
            called = methods.get(case.method)
            if called is None or not _fits(case, called):
                specs = () if called is None else called.inputs
                raise PackageError(
                    f"{self.path}: golden case {case.name!r} does not fit {case.method}({', '.join(map(str, specs))}). "
                    "The file was changed; export it again."
                )


def _fits(case: GoldenCase, method: MethodSpec) -> bool:
    given, specs = case.inputs, method.inputs
    if len(given) != len(specs):
        return False
    each = all(g.dtype == spec.dtype and spec.accepts(g.shape) for g, spec in zip(given, specs, strict=True))
    return each and not method.unequal([g.shape for g in given])


def _records(directory: Directory) -> tuple[str, tuple[Record, ...]]:
    """The root folder, and the records with names inside it."""
    entries = directory.entries
    root = entries[0].name.partition("/")[0] + "/" if entries else ""
    return root, tuple(Record(entry.name.removeprefix(root), entry.size, entry.offset) for entry in entries)


def _open(path: Path) -> BinaryIO:
    try:
        if path.is_dir():
            raise PackageError(f"{path} is a directory; expected a .ptl file.")
        if may_never_end(path):
            raise PackageError(f"{path} is not a regular file; expected a .ptl file. Copy its content to a file first.")
        if path.stat().st_size == 0:
            raise PackageError(f"{path} is empty; expected a .ptl file. Copy or export it again.")
        return path.open("rb")
    except FileNotFoundError as error:
        raise PackageError(f"{path} does not exist. Make it with edgekit export.") from error
    except (OSError, ValueError) as error:
        raise PackageError(f"{path} cannot be read: {error}. Check the path and its permissions.") from error
