"""Checks a finished APK with Android's own tools, and prints its size by part. Exits with 1 where something is wrong."""

import argparse
import hashlib
import json
import re
import struct
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

PACKAGE = "dev.edgekit.demo"
CLASSES = (
    "dev/edgekit/demo/MainActivity",
    "dev/edgekit/demo/DemoApp",
    "dev/edgekit/demo/CaptureProvider",
    "org/pytorch/LiteModuleLoader",
    "org/pytorch/Tensor",
    "com/facebook/jni/HybridData",
)
LIBRARIES = ("libc++_shared.so", "libfbjni.so", "libpytorch_jni_lite.so")
MANIFEST = "archive/extra/edgekit/manifest.json"
NOTICES = ("LICENSE", "NOTICE")
ROOT = Path(__file__).parents[2]
PAGE_BYTES = 16384
PT_LOAD = 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("apk", type=Path)
    parser.add_argument("--model", type=Path, required=True, help="the package that the APK has to carry")
    parser.add_argument("--abis", default="arm64-v8a", help="comma-separated")
    options = parser.parse_args()
    problems = check(options.apk, options.model, options.abis.split(","))
    total, *parts = (f"{part} {size / 1e6:.2f} MB" for part, size in sizes(options.apk).items())
    print(f"{options.apk}: {total} ({', '.join(parts)})")
    small = [Path(name).name for name, alignment in elf_alignments(options.apk).items() if alignment < PAGE_BYTES]
    if small:
        print(f"linked for 4 KB pages: {', '.join(small)}; see docs/android.md")
    if (seed := random_seed(options.model)) is not None:
        print(f"RANDOM WEIGHTS (seed {seed}): the answers of this model mean nothing")
    for problem in problems:
        print(f"{options.apk.name}: {problem}")
    if problems:
        raise SystemExit(1)


def check(apk: Path, model: Path, abis: list[str]) -> list[str]:
    """What is wrong with an APK; empty when it is right."""
    return [
        *badging_problems(apk),
        *library_problems(apk, abis),
        *dex_problems(apk),
        *signature_problems(apk),
        *model_problems(apk, model),
        *notice_problems(apk),
    ]


def badging_problems(apk: Path) -> Iterator[str]:
    text = tool("aapt2", "dump", "badging", apk)
    activity = f"launchable-activity: name='{PACKAGE}.MainActivity'"
    for line in (f"package: name='{PACKAGE}'", "sdkVersion:'26'", "targetSdkVersion:'35'", activity):
        if line not in text:
            yield f"aapt2 dump badging does not have the line {line}"
    if "uses-permission" in text:
        yield "it asks for a permission; the app needs none"


def library_problems(apk: Path, abis: list[str]) -> Iterator[str]:
    with zipfile.ZipFile(apk) as archive:
        found = {info.filename: info for info in archive.infolist() if info.filename.startswith("lib/")}
        wanted = {f"lib/{abi}/{library}" for abi in abis for library in LIBRARIES}
        for name in sorted(wanted ^ found.keys()):
            yield f"{name} is {'missing' if name in wanted else 'not expected'}"
        for name, info in found.items():
            offset = data_offset(apk, info)
            if info.compress_type != zipfile.ZIP_STORED or offset % PAGE_BYTES:
                yield f"{name} is compressed or at {offset}; expected stored, at a multiple of {PAGE_BYTES}"


def dex_problems(apk: Path) -> Iterator[str]:
    text = tool("dexdump", "-d", apk)
    for name in CLASSES:
        if f"'L{name};'" not in text:
            yield f"class {name} is missing"
    if "invoke-custom" in text:
        yield "the dex has invoke-custom instructions, which need Android 8.1's runtime"


def signature_problems(apk: Path) -> Iterator[str]:
    try:
        text = tool("apksigner", "verify", "-v", "--min-sdk-version", "26", apk)
    except SystemExit as error:
        yield str(error)
        return
    for scheme in ("v2", "v3"):
        if not re.search(rf"Verified using {scheme} scheme .*: true", text):
            yield f"it has no valid {scheme} signature"


def model_problems(apk: Path, model: Path) -> Iterator[str]:
    wanted = hashlib.sha256(model.read_bytes()).hexdigest()
    with zipfile.ZipFile(apk) as archive:
        got = hashlib.sha256(archive.read("assets/model.ptl")).hexdigest()
        noted = archive.read("assets/model.sha256").decode()
    if got != wanted:
        yield f"the model's sha256 is {got[:16]}…, expected {wanted[:16]}…"
    if noted != got:
        yield f"the noted sha256 is {noted[:16]}…, the model's is {got[:16]}…"


def notice_problems(apk: Path) -> Iterator[str]:
    """Users get the licence and the notices of third parties with the APK."""
    with zipfile.ZipFile(apk) as archive:
        for name in NOTICES:
            if f"assets/{name}" not in archive.namelist():
                yield f"assets/{name} is missing"
            elif archive.read(f"assets/{name}") != (ROOT / name).read_bytes():
                yield f"assets/{name} is not the {name} of this project"


def random_seed(model: Path) -> int | None:
    """The seed of a package with random weights; None for any other model."""
    with zipfile.ZipFile(model) as archive:
        if MANIFEST not in archive.namelist():
            return None
        weights = json.loads(archive.read(MANIFEST))["provenance"]["weights"]
    return weights["seed"] if weights["kind"] == "random" else None


def sizes(apk: Path) -> dict[str, int]:
    parts = {"total": apk.stat().st_size, "libraries": 0, "model": 0, "dex": 0, "resources": 0}
    with zipfile.ZipFile(apk) as archive:
        for info in archive.infolist():
            top = info.filename.split("/")[0]
            part = {"lib": "libraries", "classes.dex": "dex"}.get(top, "resources")
            if info.filename == "assets/model.ptl":
                part = "model"
            parts[part] += info.compress_size
    return parts


def elf_alignments(apk: Path) -> dict[str, int]:
    """The smallest alignment of the loaded segments of every library: 16384 is what Android 15's large pages need."""
    with zipfile.ZipFile(apk) as archive:
        return {name: elf_alignment(archive.read(name)) for name in archive.namelist() if name.endswith(".so")}


def elf_alignment(library: bytes) -> int:
    wide = library[4] == 2
    table, entry, count = (
        struct.unpack_from("<Q", library, 32) + struct.unpack_from("<HH", library, 54)
        if wide
        else struct.unpack_from("<I", library, 28) + struct.unpack_from("<HH", library, 42)
    )
    segments = [table + i * entry for i in range(count)]
    loads = [at for at in segments if struct.unpack_from("<I", library, at)[0] == PT_LOAD]
    word, offset = ("<Q", 48) if wide else ("<I", 28)
    return min(int(struct.unpack_from(word, library, at + offset)[0]) for at in loads)


def data_offset(apk: Path, info: zipfile.ZipInfo) -> int:
    with apk.open("rb") as file:
        file.seek(info.header_offset + 26)
        name, extra = struct.unpack("<HH", file.read(4))
    return info.header_offset + 30 + name + extra


def tool(*arguments: object) -> str:
    result = subprocess.run([str(a) for a in arguments], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise SystemExit(f"{arguments[0]} failed: {(result.stdout + result.stderr).strip()}")
    return result.stdout


if __name__ == "__main__":
    main()
