"""Masks in Android's library are those of `edgekit run`, pixel by pixel. Needs `make android-runtime android-test-inputs`."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edgekit.format.decode import decode_image
from edgekit.runtimes.android import AndroidRuntime

INPUTS = Path(__file__).parents[2] / "build" / "android" / "test"
PACKAGE = INPUTS / "segmenter.ptl"
PHOTOS = ("china0", "flower0")
pytestmark = pytest.mark.skipif(
    bool(AndroidRuntime().missing()) or not PACKAGE.exists(),
    reason="make android-runtime android-test-inputs has not run here",
)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The rows of `edgekit run`, with kernels that round as Android's do."""
    return edgekit_run(tmp_path_factory.mktemp("lite"), ATEN_CPU_CAPABILITY="default")


def edgekit_run(folder: Path, *options: str, **environment: str) -> list[dict[str, Any]]:
    photos = [INPUTS / f"{name}.jpg" for name in PHOTOS]
    files = ("-o", folder / "m.png", "--overlay", folder / "o.png")
    command = [sys.executable, "-m", "edgekit", "run", PACKAGE, *photos, *files, "--json", *options]
    return rows(subprocess.run(list(map(str, command)), capture_output=True, text=True, env=os.environ | environment))


def rows(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)["results"]
    return found


def assert_same(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    assert len(found) == len(PHOTOS)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours["labels"] == theirs["labels"]
        for file in ("mask", "overlay"):
            with Image.open(ours[file]) as image, Image.open(theirs[file]) as wanted:
                assert (image.mode, image.getpalette()) == (wanted.mode, wanted.getpalette())
                np.testing.assert_array_equal(np.asarray(image), np.asarray(wanted))
    assert len(found[0]["labels"]) == 4


def test_edgekit_run_on_android_gives_the_same_masks(expected: list[dict[str, Any]], tmp_path: Path) -> None:
    assert_same(edgekit_run(tmp_path, "--runtime", "android"), expected)


def test_host_cli_gives_the_same_masks(expected: list[dict[str, Any]], tmp_path: Path) -> None:
    android = AndroidRuntime()
    pictures = [tmp_path / f"{name}.png" for name in PHOTOS]
    for picture in pictures:
        Image.fromarray(decode_image(INPUTS / f"{picture.stem}.jpg")).save(picture)
    files = ("-o", tmp_path / "m.png", "--overlay", tmp_path / "o.png")
    command = [*android.command("run", str(PACKAGE)), *pictures, *files]
    assert_same(rows(subprocess.run(list(map(str, command)), capture_output=True, text=True)), expected)
