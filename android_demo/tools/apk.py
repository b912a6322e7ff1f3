"""Makes the APK without Gradle: R8, the zip with aligned libraries, the debug signature.

The same input gives the same bytes.
"""

import argparse
import hashlib
import io
import os
import struct
import subprocess
import tempfile
import zipfile
from pathlib import Path

PAGE_BYTES = 16384  # Android 15 may map pages of 16 KB; the zip is ready for that, even where the libraries are not
ALIGNMENT_FIELD = 0xD935  # the extra field with which Android's tools record how an entry is aligned
EPOCH = (1981, 1, 1, 1, 1, 2)  # the date that Android's own tools write
KEY_ALIAS = "androiddebugkey"
KEY_PASSWORD = "android"  # that of every debug key
NOTICES = ("LICENSE", "NOTICE")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for option in (
        "resources",
        "classes",
        "classpath-file",
        "rules",
        "jni",
        "model",
        "notices",
        "android-jar",
        "r8",
        "out",
    ):
        parser.add_argument(f"--{option}", type=Path, required=True)
    parser.add_argument("--public-key", default="", help="a PEM file: the app refuses models that its key did not sign")
    parser.add_argument("--abis", required=True, help="comma-separated, such as arm64-v8a,x86_64")
    parser.add_argument("--min-sdk", required=True)
    options = parser.parse_args()
    if not options.model.is_file():
        raise SystemExit(f"no model at {options.model}. Export it first: edgekit export NAME -o {options.model}")

    options.out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.out.parent) as folder:
        dex = run_r8(options, Path(folder))
        unsigned = Path(folder) / "unsigned.apk"
        write_apk(unsigned, entries(options, dex))
        signed = Path(folder) / "signed.apk"
        sign(unsigned, signed, debug_key(options.out.parent))
        signed.replace(options.out)
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.1f} MB")


def run_r8(options: argparse.Namespace, folder: Path) -> Path:
    libraries = options.classpath_file.read_text(encoding="utf-8").strip().split(":")
    rules = [rule for jar in libraries for rule in bundled_rules(Path(jar), folder)]
    run(
        *["java", "-Xmx2g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp"],
        *(options.r8, "com.android.tools.r8.R8"),
        *("--release", "--min-api", options.min_sdk, "--output", folder, "--pg-conf", options.rules),
        *(argument for rule in rules for argument in ("--pg-conf", rule)),
        *("--lib", options.android_jar, "--lib", os.environ.get("JAVA_HOME") or java_home()),
        *(options.classes, *libraries),
    )
    return folder / "classes.dex"


def bundled_rules(jar: Path, folder: Path) -> list[Path]:
    """The keep rules that a library brings along for its users."""
    with zipfile.ZipFile(jar) as archive:
        names = [name for name in archive.namelist() if name.startswith("META-INF/proguard/") and name.endswith(".pro")]
        return [Path(archive.extract(name, folder / jar.stem)) for name in names]


def entries(options: argparse.Namespace, dex: Path) -> list[tuple[str, bytes]]:
    model = options.model.read_bytes()
    with zipfile.ZipFile(options.resources) as archive:
        found = [(name, archive.read(name)) for name in archive.namelist()]
    found.append(("classes.dex", dex.read_bytes()))
    found.append(("assets/model.ptl", model))
    found.append(("assets/model.sha256", hashlib.sha256(model).hexdigest().encode()))
    if options.public_key:
        found.append(("assets/public_key.pem", Path(options.public_key).read_bytes()))
    found += [(f"assets/{name}", (options.notices / name).read_bytes()) for name in NOTICES]
    for abi in options.abis.split(","):
        libraries = sorted((options.jni / abi).glob("*.so"))
        if not libraries:
            known = ", ".join(sorted(folder.name for folder in options.jni.iterdir()))
            raise SystemExit(f"the runtime has no libraries for '{abi}'; it has {known}")
        found += [(f"lib/{abi}/{library.name}", library.read_bytes()) for library in libraries]
    return sorted(found)


def write_apk(target: Path, files: list[tuple[str, bytes]]) -> None:
    """Libraries are stored, so that Android can map them, and so is the model, so that copying it is quick."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files:
            info = zipfile.ZipInfo(name, EPOCH)
            info.external_attr = 0o644 << 16
            if name.endswith((".so", ".ptl", ".arsc", ".png")):
                alignment = PAGE_BYTES if name.endswith(".so") else 4
                info.extra = padding(buffer.tell() + 30 + len(name.encode()), alignment)
            else:
                info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data, compresslevel=9)
    target.write_bytes(buffer.getvalue())


def padding(header_end: int, alignment: int) -> bytes:
    """An extra field that ends where the data has to start."""
    size = -(header_end + 6) % alignment
    return struct.pack("<HHH", ALIGNMENT_FIELD, size + 2, alignment) + bytes(size)


def debug_key(folder: Path) -> Path:
    """Android's usual debug key; made once, so builds in one clone have the same signature."""
    key = folder / "debug.keystore"
    if not key.exists():
        run(
            *(
                "keytool",
                "-genkeypair",
                "-keystore",
                key,
                "-alias",
                KEY_ALIAS,
                "-dname",
                "CN=Android Debug,O=Android,C=US",
            ),
            *("-storepass", KEY_PASSWORD, "-keypass", KEY_PASSWORD),
            *["-keyalg", "RSA", "-keysize", "2048", "-validity", "10950"],
        )
    return key


def sign(unsigned: Path, signed: Path, key: Path) -> None:
    run(
        *("apksigner", "sign", "--ks", key, "--ks-pass", f"pass:{KEY_PASSWORD}", "--ks-key-alias", KEY_ALIAS),
        *("--v1-signing-enabled", "false", "--v2-signing-enabled", "true", "--v3-signing-enabled", "true"),
        *("--v4-signing-enabled", "false", "--in", unsigned, "--out", signed),
    )


def java_home() -> str:
    command = ["java", "-XshowSettings:properties", "-version"]
    settings = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    return next(line.split("=", 1)[1].strip() for line in settings.splitlines() if "java.home" in line)


def run(*arguments: object) -> None:
    result = subprocess.run([str(a) for a in arguments], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise SystemExit(f"{arguments[0]} failed with {result.returncode}:\n{result.stdout}{result.stderr}")


if __name__ == "__main__":
    main()
