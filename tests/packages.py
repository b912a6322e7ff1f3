"""Packages that tests make, and ways to break them."""

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from edgekit.package.archive import MANIFEST

Edit = Callable[[dict[str, bytes]], None]


def rewrite(package: Path, destination: Path, edit: Edit, *, remake_digests: bool) -> Path:
    """Copies a package through `edit`, which changes its records (by name, without the root) in place."""
    with zipfile.ZipFile(package) as source:
        records = {info.filename.partition("/")[2]: source.read(info) for info in source.infolist()}
    edit(records)
    if remake_digests:
        manifest = json.loads(records[MANIFEST])
        for name in manifest["records"]:
            manifest["records"][name] = hashlib.sha256(records[name]).hexdigest()
        records[MANIFEST] = json.dumps(manifest).encode("ascii")
    with zipfile.ZipFile(destination, "w", zipfile.ZIP_STORED) as target:
        for name, data in records.items():
            target.writestr(f"archive/{name}", data)
    return destination


def scale_largest_weight(records: dict[str, bytes]) -> None:
    """Another weight in the largest storage: the model stays plausible and gives other answers."""
    name = max((n for n in records if n.endswith(".storage")), key=lambda n: len(records[n]))
    values = np.frombuffer(records[name], dtype=np.float32) * np.float32(1.01)
    records[name] = values.tobytes()
