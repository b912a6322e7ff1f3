"""Files that are not what was expected are named for what they are."""

import gzip
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from edgekit.errors import SourceError
from edgekit.sources.checkpoints import load_checkpoint
from edgekit.sources.files import from_file
from edgekit.sources.source import SourceRequest


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("notes.txt", "text")


def _cut_zip(path: Path) -> None:
    torch.save(nn.Linear(2, 2).state_dict(), path)
    path.write_bytes(path.read_bytes()[:-200])


def _npy(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.ones(3))


def _npz(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, weight=np.ones(3))


KINDS: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (Path.touch, "is empty"),
    "pointer": (
        lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
        "is a pointer of Git LFS and not the file itself. Run git lfs pull",
    ),
    "page": (
        lambda path: path.write_text("<!DOCTYPE html>\n<p>Sign in"),
        'a text file that begins with "<!DOCTYPE html>"',
    ),
    "words": (lambda path: path.write_text("wörds " * 20), "is a text file that begins with"),
    "zip": (_zip, "is a zip archive that torch.save did not write"),
    "cut": (_cut_zip, "is a damaged zip archive"),
    "npz": (_npz, "is a NumPy archive"),
    "npy": (_npy, "is one NumPy array"),
    "gzip": (lambda path: path.write_bytes(gzip.compress(b"weights")), "is compressed with gzip"),
    "hdf5": (lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(60)), "is an HDF5 file"),
    "gguf": (lambda path: path.write_bytes(b"GGUF" + bytes(60)), "is a GGUF file"),
}


@pytest.mark.parametrize("trusted", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_load_checkpoint_of_another_kind_says_what_the_file_is(tmp_path: Path, kind: str, trusted: bool) -> None:
    path = tmp_path / "x.pth"
    write, message = KINDS[kind]
    write(path)
    with pytest.raises(SourceError) as caught:
        load_checkpoint(nn.Linear(2, 2), path, trusted=trusted)
    assert message in str(caught.value)
    assert "weights_only" not in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_from_file_of_another_kind_says_what_the_file_is(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x.pt"
    write, message = KINDS[kind]
    write(path)
    with pytest.raises(SourceError) as caught:
        from_file(path, SourceRequest())
    assert message in str(caught.value)


@pytest.mark.parametrize("trusted", [False, True])
def test_load_checkpoint_of_unknown_bytes_blames_the_file_and_not_trust(tmp_path: Path, trusted: bool) -> None:
    (tmp_path / "x.pth").write_bytes(bytes(range(256)))
    with pytest.raises(SourceError, match=r"it is not a file of torch\.save, or it is damaged"):
        load_checkpoint(nn.Linear(2, 2), tmp_path / "x.pth", trusted=trusted)


def test_load_checkpoint_finds_safetensors_by_content(tmp_path: Path) -> None:
    saved, loaded = nn.Linear(2, 2), nn.Linear(2, 2)
    save_file(saved.state_dict(), tmp_path / "pytorch_model.bin")
    load_checkpoint(loaded, tmp_path / "pytorch_model.bin")
    assert torch.equal(loaded.weight, saved.weight)


@pytest.mark.parametrize("old", [False, True])
def test_from_file_of_weights_alone_names_the_option_for_them(tmp_path: Path, old: bool) -> None:
    state = nn.Linear(2, 2).state_dict()
    torch.save(state, tmp_path / "x.pt", _use_new_zipfile_serialization=not old)
    save_file(state, tmp_path / "x.safetensors")
    for name in ("x.pt", "x.safetensors"):
        with pytest.raises(SourceError, match=f"without code.*--checkpoint .*{name}"):
            from_file(tmp_path / name, SourceRequest())
