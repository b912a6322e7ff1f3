"""Zip files that break one rule of the container each, made from the records of a good package."""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace

Records = dict[str, bytes]
MANIFEST = "extra/edgekit/manifest.json"
_LOCAL = {"version": 20, "flags": 0, "method": 0, "time": 0, "date": 33}


@dataclass(frozen=True, slots=True)
class Part:
    """A record with its two headers; `local` and `central` replace fields of one header only."""

    name: str
    data: bytes
    both: dict[str, int] = field(default_factory=dict)
    local: dict[str, int] = field(default_factory=dict)
    central: dict[str, int] = field(default_factory=dict)
    local_name: str | None = None
    extra: bytes = b""
    before: bytes = b""
    after: bytes = b""


def parts_of(records: Records) -> list[Part]:
    return [Part(f"archive/{name}", data) for name, data in records.items()]


def join(parts: list[Part], *, comment: bytes = b"", prefix: bytes = b"", tail: bytes = b"", **end: int) -> bytes:
    """A zip file of the parts; `tail` stands between the directory and the end record, whose fields are in `end`."""
    body, directory = bytearray(prefix), bytearray()
    for part in parts:
        body += part.before
        fields = {**_LOCAL, "crc": zlib.crc32(part.data), "packed": len(part.data), "size": len(part.data)}
        fields |= {"offset": len(body), **part.both}
        body += _local({**fields, **part.local}, (part.local_name or part.name).encode(), part.extra)
        body += part.data + part.after
        directory += _central({**fields, **part.central}, part.name.encode())
    counts = {"count": len(parts), "size": len(directory), "start": len(body), **end}
    last = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, counts["count"], *counts.values(), len(comment))
    return bytes(body + directory) + tail + last + comment


def _local(f: dict[str, int], name: bytes, extra: bytes) -> bytes:
    numbers = (f["version"], f["flags"], f["method"], f["time"], f["date"], f["crc"], f["packed"], f["size"])
    return struct.pack("<IHHHHHIIIHH", 0x04034B50, *numbers, len(name), len(extra)) + name + extra


def _central(f: dict[str, int], name: bytes) -> bytes:
    numbers = (f["version"], f["flags"], f["method"], f["time"], f["date"], f["crc"], f["packed"], f["size"])
    return (
        struct.pack("<IHHHHHHIIIHHHH", 0x02014B50, 20, *numbers, len(name), 0, 0, 0)
        + struct.pack("<HII", 0, f.get("attributes", 0), f["offset"])
        + name
    )


def _zip64(parts: list[Part], **changes: int) -> bytes:
    """The file with zip64 records that repeat the end record, as torch writes them, or with other numbers."""
    plain = join(parts)
    count, size, start = struct.unpack("<HII", plain[-12:-2])
    numbers = {"here": count, "count": count, "size": size, "start": start, **changes}
    record = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, *numbers.values())
    return join(parts, tail=record + struct.pack("<IIQI", 0x07064B50, 0, len(plain) - 22, 1))


def _first(parts: list[Part], **changes: object) -> list[Part]:
    return [replace(parts[0], **changes), *parts[1:]]


def _last(parts: list[Part], **changes: object) -> list[Part]:
    return [*parts[:-1], replace(parts[-1], **changes)]


def _named(parts: list[Part], name: str) -> list[Part]:
    return [*parts, Part(name, b"x")]


def _deflated(parts: list[Part]) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(parts[0].data) + packer.flush()
    fields = {"method": 8, "crc": zlib.crc32(parts[0].data), "packed": len(packed), "size": len(parts[0].data)}
    return join(_first(parts, data=packed, both=fields))


def _longer_local_name(parts: list[Part]) -> bytes:
    """The directory counts the last letter of the local header's name as the first byte of the data."""
    first = parts[0]
    size = len(first.data) + 1
    fields = {"crc": zlib.crc32(b"x" + first.data), "packed": size, "size": size}
    return join(_first(parts, local_name=first.name + "x", both=fields))


def _moved_directory(parts: list[Part]) -> bytes:
    """The end record names a second directory, and the first one stands right before the end record."""
    size, start = struct.unpack("<II", join(parts)[-10:-2])
    return join(_last(parts, after=join(parts)[start : start + size]), start=start)


def _described(parts: list[Part], crc: int) -> bytes:
    size = len(parts[0].data)
    descriptor = struct.pack("<IIII", 0x08074B50, crc, size, size)
    return join(_first(parts, both={"flags": 8}, local={"crc": 0, "packed": 0, "size": 0}, after=descriptor))


# What the message must say, and the file.
ATTACKS: dict[str, tuple[str, Callable[[list[Part]], bytes]]] = {
    "comment": ("has a comment", lambda p: join(p, comment=b"abc")),
    "trailing bytes": ("bytes follow it", lambda p: join(p) + b"junk"),
    "prefix": ("places the directory at", lambda p: b"junk" + join(p)),
    "prefix that the offsets know": ("there is a gap before it", lambda p: join(p, prefix=b"junk")),
    "gap between records": ("there is a gap before it", lambda p: join(_last(p, before=b"junk"))),
    "gap before the directory": ("the directory starts at", lambda p: join(_last(p, after=b"junk"))),
    "gap after the directory": ("places the directory at", lambda p: join(p, tail=b"junk")),
    "two records of the same bytes": ("another record also has", lambda p: join(_last(p, central={"offset": 0}))),
    "second directory": ("places the directory at", _moved_directory),
    "fewer records than the directory has": ("its directory has more", lambda p: join(p, count=len(p) - 1)),
    "more records than the directory has": ("directory is cut off", lambda p: join(p, count=len(p) + 1)),
    "zip64 records": ("zip64", _zip64),
    "zip64 records with another directory": ("zip64", lambda p: _zip64(p, start=0)),
    "zip64 sizes": ("needs zip64", lambda p: join(_last(p, both={"packed": 0xFFFFFFFF, "size": 0xFFFFFFFF}))),
    "encrypted": ("is encrypted", lambda p: join(_first(p, both={"flags": 1}))),
    "data descriptor": ("has other flags", lambda p: _described(p, zlib.crc32(p[0].data))),
    "compressed": ("is compressed", _deflated),
    "unknown method": ("is compressed", lambda p: join(_first(p, both={"method": 99}))),
    "two sizes": ("has two sizes", lambda p: join(_first(p, central={"packed": 1}))),
    "beyond the file": ("beyond the records", lambda p: join(_last(p, both={"packed": 1 << 30, "size": 1 << 30}))),
    "other local name": ("contradicts the directory", lambda p: join(_first(p, local_name="archive/another"))),
    "longer local name": ("contradicts the directory", _longer_local_name),
    "other local size": ("contradicts the directory", lambda p: join(_first(p, local={"size": 1}))),
    "other local checksum": ("contradicts the directory", lambda p: join(_first(p, local={"crc": 1}))),
    "other local method": ("contradicts the directory", lambda p: join(_first(p, local={"method": 8}))),
    "no local header": ("no local header", lambda p: join(_first(p, central={"offset": 0}, before=b"PK\5\6"))),
    "extra field": ("other than padding", lambda p: join(_first(p, extra=struct.pack("<HH", 1, 0)))),
    "attribute of a folder": ("attributes of a folder", lambda p: join(_last(p, central={"attributes": 0x10}))),
    "mode of a folder": ("attributes of a folder", lambda p: join(_first(p, central={"attributes": 0o40755 << 16}))),
    "mode of a link": ("attributes of a folder", lambda p: join(_first(p, central={"attributes": 0o120777 << 16}))),
    "name twice": ("two records have the name", lambda p: join([*p, p[0]])),
    "name twice in another case": ("two records have the name", lambda p: join(_named(p, "archive/BYTECODE.pkl"))),
    "name in another root": ("not a plain name", lambda p: join(_named(p, "other/data"))),
    "name without a root": ("not a plain name", lambda p: join(_named(p, "data"))),
    "name of a folder": ("is a folder", lambda p: join(_named(p, "archive/folder/"))),
    "name that leads out": ("leads to another folder", lambda p: join(_named(p, "archive/../data"))),
    "name with a zero byte": ("not a plain name", lambda p: join(_named(p, "archive/extra\0x"))),
    "name with an escape": ("not a plain name", lambda p: join(_named(p, "archive/\x1b[31m"))),
    "name not marked as UTF-8": ("neither ASCII nor marked", lambda p: join(_named(p, "archive/é"))),
    "checksum of the manifest": (
        "is damaged",
        lambda p: join([replace(x, both={"crc": 1} if x.name.endswith(MANIFEST) else {}) for x in p]),
    ),
}


def plain_with_descriptor(records: Records, *, honest: bool) -> bytes:
    """A file as torch itself writes it, with a data descriptor and zip64 records; not honest: with another checksum."""
    part = parts_of(records)[0]
    return _described(parts_of(records), zlib.crc32(part.data) ^ (0 if honest else 1))
