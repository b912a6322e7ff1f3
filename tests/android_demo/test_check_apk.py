"""The checks of the APK refuse a damaged APK. These tests need `make android-apk`, and are skipped if it has not run."""

import importlib.util
import shutil
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
APK = ROOT / "build/android/edgekit-demo.apk"
TOOLS = ("aapt2", "dexdump", "apksigner")


def load_checker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_apk", ROOT / "android_demo/tools/check_apk.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


checker = load_checker()


def copied(target: Path) -> Path:
    """Writes an APK with the same files, but without alignment and signature."""
    with zipfile.ZipFile(APK) as source, zipfile.ZipFile(target, "w") as copy:
        for name in source.namelist():
            copy.writestr(name, source.read(name))
    return target


def abis() -> list[str]:
    """The ABIs that the APK was built with."""
    with zipfile.ZipFile(APK) as archive:
        return sorted({name.split("/")[1] for name in archive.namelist() if name.startswith("lib/")})


@pytest.fixture
def model(tmp_path: Path) -> Path:
    if not APK.exists() or not all(map(shutil.which, TOOLS)):
        pytest.skip("make android-apk has not run here")
    path = tmp_path / "model.ptl"
    with zipfile.ZipFile(APK) as archive:
        path.write_bytes(archive.read("assets/model.ptl"))
    return path


def test_check_the_built_apk_finds_nothing(model: Path) -> None:
    assert checker.check(APK, model, abis()) == []


def test_check_another_model_is_named(model: Path) -> None:
    model.write_bytes(b"another")
    assert any("model's sha256" in problem for problem in checker.check(APK, model, abis()))


def test_check_a_missing_abi_is_named(model: Path) -> None:
    problems = checker.check(APK, model, [*abis(), "mips"])
    assert "lib/mips/libfbjni.so is missing" in problems


def test_check_a_copy_without_signature_is_refused(model: Path, tmp_path: Path) -> None:
    spoiled = copied(tmp_path / "spoiled.apk")
    assert any("apksigner failed" in problem for problem in checker.check(spoiled, model, abis()))


@pytest.mark.usefixtures("model")
def test_library_problems_of_unaligned_libraries_names_them(tmp_path: Path) -> None:
    spoiled = copied(tmp_path / "spoiled.apk")
    assert any(
        "expected stored, at a multiple of 16384" in problem for problem in checker.library_problems(spoiled, abis())
    )


@pytest.mark.usefixtures("model")
def test_dex_problems_of_a_missing_class_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checker, "CLASSES", ("dev/edgekit/demo/Gone",))
    assert list(checker.dex_problems(APK)) == ["class dev/edgekit/demo/Gone is missing"]


@pytest.mark.usefixtures("model")
def test_notice_problems_of_missing_and_other_notices_names_them(tmp_path: Path) -> None:
    assert list(checker.notice_problems(APK)) == []
    spoiled = tmp_path / "spoiled.apk"
    with zipfile.ZipFile(spoiled, "w") as copy:
        copy.writestr("assets/NOTICE", b"another")
    assert list(checker.notice_problems(spoiled)) == [
        "assets/LICENSE is missing",
        "assets/NOTICE is not the NOTICE of this project",
    ]


def test_elf_alignment_reads_64_and_32_bit_headers() -> None:
    wide = bytearray(64 + 56)
    wide[:5] = b"\x7fELF\x02"
    wide[32:40] = (64).to_bytes(8, "little")
    wide[54:58] = (56).to_bytes(2, "little") + (1).to_bytes(2, "little")
    wide[64:68] = (1).to_bytes(4, "little")
    wide[112:120] = (16384).to_bytes(8, "little")
    assert checker.elf_alignment(bytes(wide)) == 16384
    narrow = bytearray(52 + 32)
    narrow[:5] = b"\x7fELF\x01"
    narrow[28:32] = (52).to_bytes(4, "little")
    narrow[42:46] = (32).to_bytes(2, "little") + (1).to_bytes(2, "little")
    narrow[52:56] = (1).to_bytes(4, "little")
    narrow[80:84] = (4096).to_bytes(4, "little")
    assert checker.elf_alignment(bytes(narrow)) == 4096
