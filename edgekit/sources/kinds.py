"""What a file is by its first bytes, where it is not what was expected: the message then names the true cause."""

import json
import struct
import zipfile
from pathlib import Path

from edgekit.errors import plain_text

_HEAD = 64  # bytes that are enough to tell the kinds apart
_MAGICS = {
    b"version https://git-lfs": "is a pointer of Git LFS and not the file itself. Run git lfs pull.",
    b"\x89HDF": "is an HDF5 file, such as Keras writes. Load it there, and save the weights with torch.save.",
    b"GGUF": "is a GGUF file, whose weights are packed for another runtime. Use the weights that it was made from.",
    b"\x1f\x8b": "is compressed with gzip. Unpack it first.",
    b"\x93NUMPY": "is one NumPy array. Save the weights as a dict of tensors with torch.save.",
}


def what_is(path: Path) -> str:
    """What a file is and what to do about it, as the rest of a sentence; empty for a kind that is not known here."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return ""
    if not head:
        return "is empty. Download or write it again."
    if head.startswith(b"PK"):
        return _archive(path)
    known = next((text for magic, text in _MAGICS.items() if head.startswith(magic)), "")
    return known or _text(head)


def is_safetensors(path: Path) -> bool:
    """Whether a file has the header of safetensors: its length and then a JSON object."""
    if path.suffix == ".safetensors":
        return True
    with path.open("rb") as file:
        start = file.read(9)
    return len(start) == 9 and start[8:] == b"{" and struct.unpack("<Q", start[:8])[0] < path.stat().st_size


def _archive(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError):
        return "is a damaged zip archive: its end is missing or changed. Download or write it again."
    if names and all(name.endswith(".npy") for name in names):
        return "is a NumPy archive (.npz). Save its arrays as a dict of tensors with torch.save."
    if not any(name.endswith("data.pkl") for name in names):
        return "is a zip archive that torch.save did not write. If the weights are in it, unpack it first."
    return ""


def _text(head: bytes) -> str:
    text = head.decode("utf-8", errors="ignore")
    line = next(iter(text.strip().splitlines()), "")
    if not line.isprintable() or len(text.encode()) < len(head) - 3:
        return ""
    return f"is a text file that begins with {json.dumps(plain_text(line[:32]))}. Download the file itself."
