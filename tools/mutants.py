"""Seeded mutants of a package: changed bytes of the file, or a changed record with remade digests or without a manifest."""

import hashlib
import json
import random
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

EDGEKIT, MANIFEST = "extra/edgekit/", "extra/edgekit/manifest.json"
SERIALIZATION_ID, SIGNATURE = ".data/serialization_id", "extra/edgekit/signature"
_INTERESTING = (0, 1, 0x7F, 0x80, 0xFF)


Digests = Literal["old", "remade", "none"]


@dataclass(frozen=True, slots=True)
class Mutant:
    """`digests`: as they were, remade as an attacker would, or none, since the records of edgekit are gone."""

    number: int
    digests: Digests
    what: str
    content: bytes


class Mutants:
    """Mutants of one package; a number always gives the same one."""

    def __init__(self, package: Path, seed: int) -> None:
        self._whole, self._seed = package.read_bytes(), seed
        with zipfile.ZipFile(package) as file:
            self._records = {info.filename.partition("/")[2]: file.read(info) for info in file.infolist()}

    def make(self, number: int) -> Mutant:
        chance = random.Random(f"{self._seed}/{number}")
        if number % 2 == 0:
            what, content = _mutated(self._whole, chance)
            return Mutant(number, "old", f"file: {what}", content)
        plain = number % 4 == 3
        records = {name: data for name, data in self._records.items() if not (plain and name.startswith(EDGEKIT))}
        # Pickles, code and JSON say what libtorch does; most of the bytes are weights.
        small = [name for name in records if not name.endswith(".storage")]
        name = chance.choice(small if chance.random() < 0.8 else list(records))
        what, records[name] = _mutated(records[name], chance)
        if plain:
            return Mutant(number, "none", f"{name}: {what}", _joined(records))
        return Mutant(number, "remade", f"{name}: {what}", _joined(_remade(records, name)))


def _mutated(data: bytes, chance: random.Random) -> tuple[str, bytes]:
    """A few changes of one kind, and what they are."""
    kind = chance.choice(("bit", "byte", "number", "cut", "zeros", "copy", "insert", "delete"))
    if not data:
        return "insert", bytes([chance.choice(_INTERESTING)])
    changed, at = bytearray(data), chance.randrange(len(data))
    length = min(chance.choice((1, 4, 64, 4096)), len(data) - at)
    if kind == "bit":
        for _ in range(chance.choice((1, 1, 4))):
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    elif kind == "byte":
        changed[at] = chance.choice((*_INTERESTING, chance.randrange(256)))
    elif kind == "number":
        changed[at : at + 4] = struct.pack("<I", chance.choice((0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)))
    elif kind == "cut":
        del changed[at:]
    elif kind == "zeros":
        changed[at : at + length] = bytes(length)
    elif kind == "copy":
        source = chance.randrange(len(data) - length + 1)
        changed[at : at + length] = data[source : source + length]
    elif kind == "insert":
        changed[at:at] = data[at : at + length]
    else:
        del changed[at : at + length]
    return f"{kind} at {at}", bytes(changed)


def _remade(records: dict[str, bytes], changed: str) -> dict[str, bytes]:
    """The records with digests of what is there now; a manifest that is not JSON any more stays as it is."""
    try:
        manifest = json.loads(records[MANIFEST])
        if not isinstance(manifest, dict):
            return records
    except ValueError:
        return records
    manifest["records"] = {
        name: hashlib.sha256(data).hexdigest()
        for name, data in records.items()
        if name not in (MANIFEST, SERIALIZATION_ID, SIGNATURE)
    }
    return records if changed == MANIFEST else {**records, MANIFEST: json.dumps(manifest).encode()}


def _joined(records: dict[str, bytes]) -> bytes:
    """A zip file of stored records, as docs/format.md wants it."""
    body, directory = bytearray(), bytearray()
    for name, data in records.items():
        full = b"archive/" + name.encode()
        common = struct.pack("<HHHHIIIH", 0, 0, 0, 33, zlib.crc32(data), len(data), len(data), len(full))
        directory += struct.pack("<IHH", 0x02014B50, 20, 20) + common + struct.pack("<HHHHII", 0, 0, 0, 0, 0, len(body))
        directory += full
        body += struct.pack("<IH", 0x04034B50, 20) + common + struct.pack("<H", 0) + full + data
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, len(records), len(records), len(directory), len(body), 0)
    return bytes(body + directory) + end
