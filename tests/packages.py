"""Packages that were changed after export: what a damaged, hostile, older or newer file looks like."""

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from edgekit.package.archive import GOLDEN, MANIFEST, SERIALIZATION_ID
from edgekit.package.writer import _write  # the same alignment, dates and root as a real package

Records = dict[str, bytes]


def read_records(package: Path) -> Records:
    """Every record by its name without the root folder, in the order of the file."""
    with zipfile.ZipFile(package) as archive:
        return {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}


def write_records(path: Path, records: Records) -> Path:
    """A file of these records, laid out as edgekit's writer does."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, data in records.items():
            _write(archive, name, data)
    return path


def remade(package: Path, path: Path, change: Callable[[Records], None], *, digests: bool = True) -> Path:
    """A copy of a package with its records changed.

    Args:
        package: what `edgekit export` made.
        path: the file to write.
        change: edits the records in place.
        digests: make the manifest's digests anew, as one would who wants the change to go unnoticed.
    """
    records = read_records(package)
    change(records)
    if digests and MANIFEST in records:
        manifest = json.loads(records[MANIFEST])
        manifest["records"] = {
            name: hashlib.sha256(data).hexdigest()
            for name, data in records.items()
            if name not in (MANIFEST, SERIALIZATION_ID)
        }
        records[MANIFEST] = json.dumps(manifest).encode("ascii")
    return write_records(path, records)


def change_weights(records: Records) -> None:
    """Scales the largest weight by 1.01: every answer is a little wrong."""
    name = max((n for n in records if n.startswith("constants/")), key=lambda n: len(records[n]))
    records[name] = (np.frombuffer(records[name], dtype=np.float32) * np.float32(1.01)).tobytes()


def change_json(record: str, change: Callable[[Any], None]) -> Callable[[Records], None]:
    """A change for `remade` that edits a JSON record in place."""

    def edit(records: Records) -> None:
        document = json.loads(records[record])
        change(document)
        records[record] = json.dumps(document).encode("ascii")

    return edit


def change_manifest(change: Callable[[Any], None]) -> Callable[[Records], None]:
    return change_json(MANIFEST, change)


def change_golden(change: Callable[[Any], None]) -> Callable[[Records], None]:
    return change_json(GOLDEN, change)


def torch_made(module: nn.Module, example: torch.Tensor, path: Path) -> Path:
    """A `.ptl` as torch itself writes it, with nothing of edgekit."""
    with torch.no_grad():
        torch.jit.trace(module.eval(), example)._save_for_lite_interpreter(str(path))
    return path
