"""The zip of the APK, without Android's tools: the same bytes on every build, and libraries that can be mapped."""

import argparse
import importlib.util
import struct
import time
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
FILES = [
    ("AndroidManifest.xml", b"manifest" * 100),
    ("assets/model.ptl", bytes(range(256)) * 40),
    ("classes.dex", b"dex" * 1000),
    ("lib/arm64-v8a/liba.so", b"library" * 3000),
    ("lib/arm64-v8a/libb.so", b"other" * 5000),
]


def load_tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("apk", ROOT / "android_demo/tools/apk.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tool = load_tool()


def written(path: Path, files: list[tuple[str, bytes]]) -> bytes:
    tool.write_apk(path, files)
    return path.read_bytes()


def test_write_apk_twice_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = written(tmp_path / "first.apk", FILES)
    monkeypatch.setattr(time, "time", lambda: 2e9)  # a build of another day
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert written(tmp_path / "second.apk", FILES) == first
    changed = [*FILES[:-1], (FILES[-1][0], b"Other" + FILES[-1][1][5:])]
    assert written(tmp_path / "third.apk", changed) != first


def test_write_apk_stores_libraries_where_they_can_be_mapped(tmp_path: Path) -> None:
    data = written(tmp_path / "x.apk", FILES)
    with zipfile.ZipFile(tmp_path / "x.apk") as archive:
        assert [(info.filename, archive.read(info)) for info in archive.infolist()] == FILES
        for info in archive.infolist():
            name, extra = struct.unpack_from("<HH", data, info.header_offset + 26)
            start = info.header_offset + 30 + name + extra
            stored = info.filename.endswith((".so", ".ptl"))
            assert (info.compress_type == zipfile.ZIP_STORED) == stored
            assert start % (tool.PAGE_BYTES if info.filename.endswith(".so") else 1) == 0


@pytest.mark.parametrize("key", ["", "public.pem"])
def test_entries_have_the_public_key_only_where_one_is_given(tmp_path: Path, key: str) -> None:
    for name in ("classes.dex", "model.ptl", "public.pem", *tool.NOTICES):
        (tmp_path / name).write_text(name)
    (tmp_path / "x86_64").mkdir()
    (tmp_path / "x86_64" / "liba.so").write_text("library")
    with zipfile.ZipFile(tmp_path / "resources.zip", "w"):
        pass
    options = argparse.Namespace(
        resources=tmp_path / "resources.zip",
        model=tmp_path / "model.ptl",
        public_key=str(tmp_path / key) if key else "",
        notices=tmp_path,
        jni=tmp_path,
        abis="x86_64",
    )
    found = dict(tool.entries(options, tmp_path / "classes.dex"))
    assert found.get("assets/public_key.pem") == (b"public.pem" if key else None)
