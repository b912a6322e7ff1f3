"""The strict reading of the zip container, before any other code trusts the file (docs/format.md, "Container").

A zip file says the same thing in several places. Python's zipfile and libtorch's miniz read different ones, so a file whose
places disagree could give other weights than those that were checked. Such a file is refused here.
"""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

STORED, DEFLATED = 0, 8
_END = struct.Struct("<IHHHHIIH")
_CENTRAL = struct.Struct("<IHHHHHHIIIHHHHHII")
_LOCAL = struct.Struct("<IHHHHHIIIHH")
_DESCRIPTOR = struct.Struct("<IIII")
_ZIP64_END = struct.Struct("<IQHHIIQQQQ")
_ZIP64_LOCATOR = struct.Struct("<IIQI")
_END_MAGIC, _CENTRAL_MAGIC, _LOCAL_MAGIC, _DESCRIPTOR_MAGIC = 0x06054B50, 0x02014B50, 0x04034B50, 0x08074B50
_ZIP64_END_MAGIC, _ZIP64_LOCATOR_MAGIC = 0x06064B50, 0x07064B50
_ZIP64_SIZE = _ZIP64_END.size + _ZIP64_LOCATOR.size
_LONGEST_COMMENT = 0xFFFF
_BEYOND_32_BITS = 0xFFFFFFFF
_UTF8, _HAS_DESCRIPTOR = 0x0800, 0x0008  # bits of the flags; all others are refused, and encryption with them
_FILE_TYPES = (0, 8)  # in the upper 4 bits of the attributes: none, or a regular file
_PADDING_ID = b"FB"  # the extra field that pads records to a multiple of 64
_DEFLATE_RATIO = 1032  # deflate cannot compress better than this


class ContainerError(Exception):
    """The file breaks a rule of the container; the message does not name the file."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A record as the central directory describes it; `name` includes the root folder."""

    name: str
    raw_name: bytes
    versions: tuple[int, ...]  # needed version, flags, method, time, date
    crc: int
    packed_size: int
    size: int
    offset: int
    extra: bytes

    @property
    def flags(self) -> int:
        return self.versions[1]

    @property
    def method(self) -> int:
        return self.versions[2]


@dataclass(frozen=True, slots=True)
class Directory:
    """The central directory; `start` is its offset. torch's own files also have zip64 records (`zip64`)."""

    entries: tuple[Entry, ...]
    start: int
    zip64: bool


def read_directory(file: BinaryIO) -> Directory:
    """Reads the end record and the central directory, which must fill the end of the file exactly.

    Raises:
        ContainerError: they do not.
    """
    length = file.seek(0, os.SEEK_END)
    end_at = length - _END.size
    tail = _read(file, max(0, end_at - _LONGEST_COMMENT), length)
    if length < _END.size or not tail[-_END.size :].startswith(b"PK\5\6"):
        _refuse_end(tail)
    _, disk, first_disk, count_here, count, size, start, comment = _END.unpack(tail[-_END.size :])
    if comment:
        raise ContainerError("its end record has a comment")
    if disk or first_disk or count_here != count:
        raise ContainerError("it is one part of several files")
    zip64 = _check_zip64(file, end_at, (count, size, start))
    directory_end = end_at - (_ZIP64_SIZE if zip64 else 0)
    if start + size != directory_end:
        raise ContainerError(
            f"its end record places the directory at bytes {start} to {start + size}, but it ends at {directory_end}"
        )
    return Directory(tuple(_entries(_read(file, start, directory_end), count)), start, zip64)


def remove_last(file: BinaryIO, directory: Directory) -> None:
    """Removes the last record from a file without zip64 records; all other bytes but the end record stay the same."""
    last = directory.entries[-1]
    file.seek(directory.start)
    size = _CENTRAL.size + len(last.raw_name) + len(last.extra)
    rest, count = file.read()[: -_END.size - size], len(directory.entries) - 1
    file.seek(last.offset)
    file.write(rest + _END.pack(_END_MAGIC, 0, 0, count, count, len(rest), last.offset, 0))
    file.truncate()


def check_names(directory: Directory) -> None:
    """Checks that the names are plain, different and in one root folder.

    Raises:
        ContainerError: they are not.
    """
    root = directory.entries[0].name.partition("/")[0] + "/" if directory.entries else ""
    seen: set[str] = set()
    for entry in directory.entries:
        short = entry.name.removeprefix(root)
        if short == entry.name or not entry.name.isprintable() or "\\" in short:
            raise ContainerError(f"record {entry.name!r} is not a plain name in the root folder {root!r}")
        if any(part in ("", ".", "..") for part in short.split("/")):
            raise ContainerError(f"record {entry.name!r} is a folder or leads to another folder")
        key = short if short.startswith("code/") else short.lower()  # libtorch's reader ignores case
        if key in seen:
            raise ContainerError(f"two records have the name {short!r}")
        seen.add(key)


def check_records(file: BinaryIO, directory: Directory, *, plain: bool) -> None:
    """Checks that each record's local header agrees with the directory, and that the records fill the file without gaps.

    Args:
        plain: whether torch wrote the file itself, with data descriptors, zip64 records and compressed source code.

    Raises:
        ContainerError: a record breaks a rule.
    """
    if directory.zip64 and not plain:
        raise ContainerError("it has zip64 records; a package has none")
    at = 0
    for entry in directory.entries:
        _check_entry(entry, plain=plain)
        if entry.offset != at:
            what = "a gap before it" if entry.offset > at else "bytes that another record also has"
            raise ContainerError(
                f"record {entry.name!r} starts at byte {entry.offset}, so there is {what}; expected {at}"
            )
        at = _end_of_record(file, entry, directory.start)
    if at != directory.start:
        raise ContainerError(f"the last record ends at byte {at}, but the directory starts at {directory.start}")


def _refuse_end(tail: bytes) -> None:
    found = tail.rfind(b"PK\5\6")
    if found >= 0 and len(tail) - found > _END.size:
        raise ContainerError("its end record has a comment, or bytes follow it")
    raise ContainerError("it has no end record of a zip archive")


def _check_zip64(file: BinaryIO, end_at: int, expected: tuple[int, int, int]) -> bool:
    """Whether there are zip64 records, which must repeat the count, size and offset of the end record."""
    locator_at, record_at = end_at - _ZIP64_LOCATOR.size, end_at - _ZIP64_SIZE
    if locator_at < 0 or not _read(file, locator_at, end_at).startswith(b"PK\6\7"):
        return False
    if record_at < 0:
        raise ContainerError("its zip64 records are cut off")
    locator = _ZIP64_LOCATOR.unpack(_read(file, locator_at, end_at))
    record = _ZIP64_END.unpack(_read(file, record_at, locator_at))
    count, size, start = expected
    if locator[1:] != (0, record_at, 1) or record[:2] != (_ZIP64_END_MAGIC, _ZIP64_END.size - 12):
        raise ContainerError("its zip64 locator does not point at the zip64 record right before it")
    if record[4:] != (0, 0, count, count, size, start):
        raise ContainerError("its zip64 record contradicts the end record, or the file has 4 GB or more")
    return True


def _entries(directory: bytes, count: int) -> Iterator[Entry]:
    at = 0
    for _ in range(count):
        if len(directory) - at < _CENTRAL.size:
            raise ContainerError("its directory is cut off")
        fields = _CENTRAL.unpack_from(directory, at)
        name_at = at + _CENTRAL.size
        name_size, extra_size, comment_size = fields[10:13]
        at = name_at + name_size + extra_size + comment_size
        if fields[0] != _CENTRAL_MAGIC or at > len(directory):
            raise ContainerError("its directory is damaged")
        raw = directory[name_at : name_at + name_size]
        entry = Entry(
            name=_decoded(raw, fields[3]),
            raw_name=raw,
            versions=fields[2:7],
            crc=fields[7],
            packed_size=fields[8],
            size=fields[9],
            offset=fields[16],
            extra=directory[name_at + name_size : name_at + name_size + extra_size],
        )
        if comment_size or fields[13]:
            raise ContainerError(f"record {entry.name!r} has a comment, or is in another file")
        if fields[15] & 0xFFFF or fields[15] >> 28 not in _FILE_TYPES:  # libtorch reads nothing of a folder
            raise ContainerError(
                f"record {entry.name!r} has attributes of a folder or special file ({fields[15]:#010x})"
            )
        yield entry
    if at != len(directory):
        raise ContainerError(f"its end record promises {count} records, but its directory has more")


def _decoded(raw: bytes, flags: int) -> str:
    try:
        return raw.decode("utf-8" if flags & _UTF8 else "ascii")
    except UnicodeDecodeError as error:
        raise ContainerError(f"the record name {raw!r} is neither ASCII nor marked as UTF-8") from error


def _check_entry(entry: Entry, *, plain: bool) -> None:
    if entry.flags & ~(_UTF8 | (_HAS_DESCRIPTOR if plain else 0)):
        raise ContainerError(f"record {entry.name!r} is encrypted or has other flags ({entry.flags:#06x})")
    if entry.method != STORED and not (plain and entry.method == DEFLATED):
        raise ContainerError(f"record {entry.name!r} is compressed (method {entry.method}); expected it stored")
    if _BEYOND_32_BITS in (entry.size, entry.packed_size, entry.offset):
        raise ContainerError(f"record {entry.name!r} needs zip64; expected a file of less than 4 GB")
    if entry.method == STORED and entry.packed_size != entry.size:
        raise ContainerError(f"record {entry.name!r} has two sizes ({entry.packed_size} and {entry.size} bytes)")
    if entry.size > _DEFLATE_RATIO * entry.packed_size:
        raise ContainerError(f"record {entry.name!r} claims {entry.size} bytes in {entry.packed_size}")
    _check_extra(entry, entry.extra)


def _check_extra(entry: Entry, extra: bytes) -> None:
    if extra and (extra[:2] != _PADDING_ID or int.from_bytes(extra[2:4], "little") != len(extra) - 4):
        raise ContainerError(f"record {entry.name!r} has an extra field other than padding")


def _end_of_record(file: BinaryIO, entry: Entry, limit: int) -> int:
    """The offset after the record, and after its data descriptor if it has one."""
    data_at = entry.offset + _LOCAL.size + len(entry.raw_name)
    header = _read(file, entry.offset, min(data_at, limit))
    if len(header) < _LOCAL.size + len(entry.raw_name) or not header.startswith(b"PK\3\4"):
        raise ContainerError(f"record {entry.name!r} has no local header")
    fields = _LOCAL.unpack_from(header)
    sizes = (entry.crc, entry.packed_size, entry.size)
    later = bool(entry.flags & _HAS_DESCRIPTOR)
    if (
        fields[9] != len(entry.raw_name)
        or header[_LOCAL.size :] != entry.raw_name
        or fields[1:6] != entry.versions
        or (fields[6:9] != sizes and not (later and not any(fields[6:9])))
    ):
        raise ContainerError(f"record {entry.name!r} has a local header that contradicts the directory")
    extra_size: int = fields[10]
    end = data_at + extra_size + entry.packed_size
    if end + (_DESCRIPTOR.size if later else 0) > limit:
        raise ContainerError(f"record {entry.name!r} reaches beyond the records")
    _check_extra(entry, _read(file, data_at, data_at + extra_size))
    if not later:
        return end
    if _read(file, end, end + _DESCRIPTOR.size) != _DESCRIPTOR.pack(_DESCRIPTOR_MAGIC, *sizes):
        raise ContainerError(f"record {entry.name!r} has a data descriptor that contradicts the directory")
    return end + _DESCRIPTOR.size


def _read(file: BinaryIO, start: int, end: int) -> bytes:
    file.seek(start)
    return file.read(end - start)
