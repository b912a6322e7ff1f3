"""The cost of the Android build.

Measures the Maven build with an empty local repository and again with a full one, the size of each part of the APK, and the
conversion of a photograph. Needs `make android-apk MODEL=mobilenet_v3_small`, which exports the model and installs the tools,
and a network for Maven. It builds in a copy of `android_demo/` with its own home folder, so your files do not change.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

from common import parser, print_context, print_document

SOURCES = Path("android_demo")
NOTICES = (Path("LICENSE"), Path("NOTICE"))  # part of the APK
SETTINGS = Path.home() / ".m2" / "settings.xml"  # Maven may need the mirror or proxy in it
CONVERTER_TEST = "RgbImageTest#convert_aFullHdFrame_allocatesNothingAndReportsItsCost"
PARTS = {"libraries": "lib/", "model": "assets/model.ptl", "dex": "classes"}


def maven(sources: Path, home: Path, *goals: str) -> str:
    command = ["mvn", "-B", "-ntp", "-f", str(sources / "pom.xml"), *goals]
    environment = os.environ | {"MAVEN_OPTS": f"-Duser.home={home}"}
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, env=environment
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-2000:]}")
    return done.stdout


def prepare(folder: Path) -> tuple[Path, Path]:
    """A copy of the sources without build results, and a home folder with an empty repository."""
    shutil.copytree(SOURCES, folder / "android_demo", ignore=shutil.ignore_patterns("target"))
    for notice in NOTICES:
        shutil.copy(notice, folder)
    home = folder / "home"
    (home / ".m2").mkdir(parents=True)
    if SETTINGS.exists():
        shutil.copy(SETTINGS, home / ".m2")
    return folder / "android_demo", home


def time_reactor(sources: Path, home: Path, model: Path, apk: Path) -> float:
    for target in sources.glob("*/target"):
        shutil.rmtree(target)
    start = time.perf_counter()
    maven(sources, home, "package", "-Papk", "-DskipTests", f"-Dmodel={model}", "-Dabis=arm64-v8a", f"-Dapk={apk}")
    return time.perf_counter() - start


def convert_ms(sources: Path, home: Path) -> float:
    """The time that the JVM takes to convert 1920 x 1080 ARGB ints to the uint8 tensor. A test of core prints it."""
    # The tests of core need host-runtime, which has no tests.
    chosen = ("-am", f"-Dtest={CONVERTER_TEST}", "-Dsurefire.failIfNoSpecifiedTests=false")
    output = maven(sources, home, "test", "-pl", "core", *chosen)
    found = re.search(r"uint8 tensor: median ([0-9.]+) ms", output)
    return float(found[1]) if found else sys.exit(f"the test printed no figure:\n{output[-2000:]}")


def apk_parts(apk: Path) -> dict[str, int]:
    with zipfile.ZipFile(apk) as archive:
        sizes = {info.filename: info.compress_size for info in archive.infolist()}
    parts = {part: sum(n for name, n in sizes.items() if name.startswith(prefix)) for part, prefix in PARTS.items()}
    return {"total": apk.stat().st_size, **parts}


def main() -> int:
    arguments = parser(__doc__)
    default = "build/mobile/mobilenet_v3_small/mobilenet_v3_small.ptl"
    arguments.add_argument("package", type=Path, nargs="?", default=Path(default), help=f"a .ptl (default {default})")
    options = arguments.parse_args()
    print_context()
    with tempfile.TemporaryDirectory() as folder:
        sources, home = prepare(Path(folder))
        apk, model = Path(folder) / "demo.apk", options.package.resolve()
        results: dict[str, Any] = {
            "reactor_empty_repository_s": time_reactor(sources, home, model, apk),
            "reactor_again_s": time_reactor(sources, home, model, apk),
            "apk_bytes": apk_parts(apk),
            "convert_1080p_ms": convert_ms(sources, home),
        }
    if options.json:
        print_document(results)
        return 0
    print(f"reactor, empty repository  {results['reactor_empty_repository_s']:7.1f} s")
    print(f"reactor, again             {results['reactor_again_s']:7.1f} s")
    for part, size in results["apk_bytes"].items():
        print(f"APK, {part:22}{size / 1e6:7.2f} MB")
    print(f"1080p ARGB to uint8        {results['convert_1080p_ms']:7.2f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
