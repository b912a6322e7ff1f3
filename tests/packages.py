"""Packages that tests make, and ways to break them."""

import hashlib
import json
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from edgekit.format.archive import GOLDEN, MANIFEST, SERIALIZATION_ID, SIGNATURE

Edit = Callable[[dict[str, bytes]], None]


def rewrite(package: Path, destination: Path, edit: Edit, *, remake_digests: bool) -> Path:
    """Copies a package. `edit` changes its records in place; their names are without the root folder."""
    with zipfile.ZipFile(package) as source:
        records = {info.filename.partition("/")[2]: source.read(info) for info in source.infolist()}
    edit(records)
    if remake_digests and MANIFEST in records:
        manifest = json.loads(records[MANIFEST])
        manifest["records"] = {
            name: hashlib.sha256(data).hexdigest()
            for name, data in records.items()
            if name not in (MANIFEST, SERIALIZATION_ID, SIGNATURE)
        }
        records[MANIFEST] = json.dumps(manifest).encode("ascii")
    with zipfile.ZipFile(destination, "w", zipfile.ZIP_STORED) as target:
        for name, data in records.items():
            target.writestr(f"archive/{name}", data)
    return destination


def scale_largest_weight(records: dict[str, bytes]) -> None:
    """Changes one weight in the largest storage. The model stays plausible, but gives different answers."""
    name = max((n for n in records if n.endswith(".storage")), key=lambda n: len(records[n]))
    values = np.frombuffer(records[name], dtype=np.float32) * np.float32(1.01)
    records[name] = values.tobytes()


def edit_manifest(change: Callable[[Any], object]) -> Edit:
    """An edit of the manifest as parsed JSON, in place."""
    return _edit_json(MANIFEST, change)


def edit_golden(change: Callable[[Any], object]) -> Edit:
    """An edit of the golden cases as parsed JSON, in place."""
    return _edit_json(GOLDEN, change)


def _edit_json(record: str, change: Callable[[Any], object]) -> Edit:
    def edit(records: dict[str, bytes]) -> None:
        document = json.loads(records[record])
        change(document)
        records[record] = json.dumps(document).encode("ascii")

    return edit


def torch_made(module: nn.Module, example: torch.Tensor, path: Path) -> Path:
    """A `.ptl` that torch wrote from a trace, without edgekit's records."""
    with torch.no_grad():
        return save_lite(torch.jit.trace(module.eval(), example), path)


def save_lite(module: torch.jit.ScriptModule, path: Path, *, flatbuffer: bool = False) -> Path:
    """A `.ptl` that torch wrote, without edgekit's records."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch deprecates the lite interpreter
        module._save_for_lite_interpreter(str(path), _use_flatbuffer=flatbuffer)
    return path
