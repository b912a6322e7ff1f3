"""Compiles the app's resources by aapt2, without Gradle: the resource APK, R.java and Robolectric's test configuration."""

import argparse
import hashlib
import shutil
import subprocess
import zipfile
from pathlib import Path

NAMESPACE = "dev.edgekit.demo"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for option in ("source", "out", "android-jar", "model"):
        parser.add_argument(f"--{option}", type=Path, required=True)
    for option in ("min-sdk", "target-sdk", "version-code", "version-name"):
        parser.add_argument(f"--{option}", required=True)
    options = parser.parse_args()

    out: Path = options.out.resolve()
    (out / "java").mkdir(parents=True, exist_ok=True)
    manifest = write_manifest(options.source / "AndroidManifest.xml", out / "AndroidManifest.xml")
    aapt2("compile", "--dir", options.source / "res", "-o", out / "res.zip")
    # "queries" is newer than Debian's aapt2, which warns about it; Android reads it.
    aapt2(
        *("link", out / "res.zip", "-o", out / "app.ap_", "--manifest", manifest, "-I", options.android_jar),
        *("--java", out / "java", "--warn-manifest-validation"),
        *("--min-sdk-version", options.min_sdk, "--target-sdk-version", options.target_sdk),
        *("--version-code", options.version_code, "--version-name", options.version_name),
    )
    write_test_apk(out / "app.ap_", options.model, out / "test.ap_")
    write_test_config(out)


def write_manifest(source: Path, target: Path) -> Path:
    """The Android Gradle plugin takes the package from the build file and refuses it in the manifest; aapt2 needs it there."""
    text = source.read_text(encoding="utf-8")
    target.write_text(text.replace("<manifest ", f'<manifest package="{NAMESPACE}" ', 1), encoding="utf-8")
    return target


def write_test_config(out: Path) -> None:
    """The file with which the Android Gradle plugin configures Robolectric."""
    config = out / "test-config" / "com" / "android" / "tools" / "test_config.properties"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(
        f"android_resource_apk={out / 'test.ap_'}\n"
        f"android_merged_manifest={out / 'AndroidManifest.xml'}\n"
        f"android_custom_package={NAMESPACE}\n",
        encoding="utf-8",
    )


def write_test_apk(resources: Path, model: Path, target: Path) -> None:
    """The resources with the model as an asset, as in the real APK; tests that need a missing model fail with a reason."""
    shutil.copyfile(resources, target)
    if model.is_file():
        data = model.read_bytes()
        with zipfile.ZipFile(target, "a") as archive:
            archive.writestr("assets/model.ptl", data)
            archive.writestr("assets/model.sha256", hashlib.sha256(data).hexdigest())


def aapt2(*arguments: object) -> None:
    result = subprocess.run(["aapt2", *map(str, arguments)], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise SystemExit(f"aapt2 {arguments[0]} failed:\n{result.stdout}{result.stderr}")


if __name__ == "__main__":
    main()
