"""Ten photographs in Android's library and in `edgekit run`. Needs `make android-runtime android-test-inputs`."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from edgekit.format.decode import decode_image
from edgekit.runtimes.android import AndroidRuntime

INPUTS = Path(__file__).parents[2] / "build" / "android" / "test"
PLAIN_KERNELS = {"ATEN_CPU_CAPABILITY": "default"}
SAME = 1e-5
ONE_LEVEL = 2e-4  # one or two pixels that are rounded to another level change a score by up to 8e-5; this adds a margin


def runtime(name: str) -> Any:
    arm64 = name == "android-arm64"
    android = AndroidRuntime(name=name, arm64=arm64)
    built = not android.missing() and (INPUTS / "fitted.json").exists()
    target = "android-runtime-arm64" if arm64 else "android-runtime"
    reason = f"make {target} android-test-inputs has not run here"
    marks = [pytest.mark.skipif(not built, reason=reason), *([pytest.mark.slow] if arm64 else [])]
    return pytest.param(android, marks=marks, id=name)


RUNTIMES = [runtime("android"), runtime("android-arm64")]


@pytest.fixture(scope="module")
def pixels(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The photographs as edgekit decodes them, in a lossless format that Java reads."""
    folder = tmp_path_factory.mktemp("pixels")
    photos = sorted(INPUTS.glob("*.jpg"))
    assert len(photos) == 10
    for photo in photos:
        Image.fromarray(decode_image(photo)).save(folder / f"{photo.stem}.png")
    return sorted(folder.iterdir())


def in_python(package: Path, pixels: list[Path], **environment: str) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "edgekit", "run", package, *pixels, "--topk", "5", "--json"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, env=os.environ | environment)
    assert done.returncode == 0, done.stderr
    rows: list[dict[str, Any]] = json.loads(done.stdout)["results"]
    return rows


def in_the_app(android: AndroidRuntime, package: Path, pixels: list[Path]) -> list[dict[str, Any]]:
    """The labels and scores that the app's code finds for the pictures."""
    command = [*android.command("run", str(package)), "--topk", "5", *map(str, pixels)]
    done = android.host.run(command, env=android.environment())
    assert done.exit_code == 0, done.stderr
    rows: list[dict[str, Any]] = json.loads(done.stdout)["results"]
    return rows


def winners(rows: list[dict[str, Any]]) -> list[str]:
    return [row["labels"][0]["label"] for row in rows]


def largest_difference(left: list[dict[str, Any]], right: list[dict[str, Any]]) -> float:
    pairs = [zip(a["labels"], b["labels"], strict=True) for a, b in zip(left, right, strict=True)]
    return max(abs(a["score"] - b["score"]) for row in pairs for a, b in row)


@pytest.mark.parametrize("android", RUNTIMES)
def test_classify_seeded_model_as_edgekit_run_does(android: AndroidRuntime, pixels: list[Path]) -> None:
    package = INPUTS / "model.ptl"
    theirs, ours = in_the_app(android, package, pixels), in_python(package, pixels)
    assert winners(theirs) == winners(ours)
    assert largest_difference(theirs, ours) <= SAME


@pytest.mark.parametrize("android", RUNTIMES)
def test_classify_fitted_model_as_edgekit_run_does(android: AndroidRuntime, pixels: list[Path]) -> None:
    """This model gives each photograph a different label. Fused multiply-add can round a resized pixel to another level."""
    package = INPUTS / "fitted.ptl"
    theirs = in_the_app(android, package, pixels)
    plain, ours = in_python(package, pixels, **PLAIN_KERNELS), in_python(package, pixels)
    assert len(set(winners(plain))) == 10
    assert winners(theirs) == winners(plain) == winners(ours)
    assert largest_difference(theirs, plain) <= SAME
    assert largest_difference(theirs, ours) <= ONE_LEVEL
