"""Changes a package record by record, as damage or an attacker would."""

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

MANIFEST = "archive/extra/edgekit/manifest.json"


def rewrite(source: Path, target: Path, change: Callable[[dict[str, bytes]], None], *, remake_digests: bool) -> Path:
    """Copies a package with `change` done to its records."""
    with zipfile.ZipFile(source) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    change(records)
    if remake_digests:
        manifest = json.loads(records[MANIFEST])
        for name in manifest["records"]:
            manifest["records"][name] = hashlib.sha256(records["archive/" + name]).hexdigest()
        records[MANIFEST] = json.dumps(manifest).encode()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, content in records.items():
            archive.writestr(name, content)
    return target


def edit_manifest(**fields: object) -> Callable[[dict[str, bytes]], None]:
    """A change that sets fields of the manifest."""

    def change(records: dict[str, bytes]) -> None:
        records[MANIFEST] = json.dumps(json.loads(records[MANIFEST]) | fields).encode()

    return change


def change_weights(records: dict[str, bytes]) -> None:
    """Other numbers in the largest storage, of the same size."""
    storages = [name for name in records if name.endswith(".storage") or "/data/" in name or "/constants/" in name]
    largest = max(storages, key=lambda name: len(records[name]))
    size = len(records[largest])
    records[largest] = records[largest][size // 2 :] + records[largest][: size // 2]
