"""Pictures that are narrow, of other formats, overwritten while they are read, or on standard input."""

import json
import os
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import edgekit
from edgekit.format.decode import decode_image

from .conftest import Exported, Run

USAGE = 2
CONFORMANCE = Path(__file__).parents[1] / "conformance" / "images"


def test_picture_narrow_then_refused_as_a_file_and_as_an_array(run: Run, classifier: Exported, tmp_path: Path) -> None:
    Image.new("RGB", (1, 30000)).save(tmp_path / "thin.png")
    np.save(tmp_path / "thin.npy", np.zeros((30000, 1, 3), np.uint8))
    for given in ((tmp_path / "thin.png",), ("--method", "predict", "--input", tmp_path / "thin.npy")):
        done = run("run", classifier.package, *given)
        assert done.code == USAGE
        assert "1 x 30000 pixels, which predict resizes to 36 x 1080000" in done.err


def test_picture_larger_than_needed_is_decoded_smaller_for_labels_alone(
    run: Run, classifier: Exported, segmenter: Exported, tmp_path: Path
) -> None:
    """The classifier resizes to 36 pixels, so that a JPEG of 320 x 300 pixels is decoded at a quarter."""
    path, mask = tmp_path / "large.jpg", tmp_path / "mask.png"
    noise = np.random.default_rng(0).integers(0, 256, (30, 32, 3), np.uint8)
    Image.fromarray(noise).resize((320, 300)).save(path)
    package = edgekit.load(classifier.package)
    assert isinstance(package, edgekit.model.LiteModel)
    scaled = decode_image(path, package.picture_resize())
    assert scaled.shape == (75, 80, 3)
    wanted = package.predict(scaled)
    assert package.predict(path) == wanted != package.predict(decode_image(path))
    (row,) = run("run", classifier.package, path, "--json").results
    assert [(each["label"], pytest.approx(each["score"], rel=1e-5)) for each in row["labels"]] == list(wanted)
    assert run("run", segmenter.package, path, "-o", mask).code == 0
    with Image.open(mask) as image:
        assert image.size == (320, 300)


def test_picture_of_another_format_then_named(run: Run, classifier: Exported, tmp_path: Path) -> None:
    Image.new("RGB", (9, 9)).save(tmp_path / "photo.jpg", "WEBP")
    (tmp_path / "empty.jpg").write_bytes(b"")
    done = run("run", classifier.package, tmp_path)
    assert done.code == USAGE
    assert "photo.jpg is WebP, which is not supported; convert it to JPEG or PNG" in done.err
    assert "empty.jpg is empty" in done.err
    assert "2 of 2 pictures failed" in done.err


def test_picture_names_reach_the_terminal_escaped(run: Run, classifier: Exported, tmp_path: Path) -> None:
    whole = (CONFORMANCE / "jpeg_420.jpg").read_bytes()
    good, bad = tmp_path / "\x1b[2Ja.jpg", tmp_path / "\x1b[2Jb.jpg"
    good.write_bytes(whole)
    bad.write_bytes(whole[:-9])
    done = run("run", classifier.package, good, bad)
    assert r"\x1b[2Ja.jpg:" in done.out
    assert r"\x1b[2Jb.jpg is a truncated or damaged JPEG" in done.err
    assert "\x1b" not in done.out + done.err


def test_picture_that_shrinks_while_it_is_read_never_ends_the_process(
    run: Run, classifier: Exported, tmp_path: Path
) -> None:
    """A camera overwrites its snapshot: the runner gives labels or a message, and no signal."""
    path, whole = tmp_path / "snapshot.jpg", (CONFORMANCE / "jpeg_420.jpg").read_bytes()
    path.write_bytes(whole)
    done = threading.Event()

    def overwrite() -> None:
        while not done.is_set():
            path.write_bytes(b"")
            path.write_bytes(whole)

    camera = threading.Thread(target=overwrite)
    camera.start()
    try:
        assert run("run", classifier.package, *[path] * 300, "--json").code in (0, USAGE)
    finally:
        done.set()
        camera.join()


def test_picture_or_array_that_may_never_end_is_refused(run: Run, classifier: Exported, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo.npy"
    os.mkfifo(fifo)
    for options, what in (([fifo], "a named pipe"), (["--input", fifo], "a named pipe"), (["/dev/zero"], "a device")):
        done = run("run", classifier.package, *options)
        assert done.code == USAGE
        assert f"it is {what}" in done.err


def test_picture_from_a_pipe(run: Run, classifier: Exported, runner_command: list[str]) -> None:
    command = [*runner_command, "run", classifier.package, "-", "--json"]
    done = subprocess.run(command, input=(CONFORMANCE / "jpeg_420.jpg").read_bytes(), capture_output=True)
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)["results"]
    (same,) = run("run", classifier.package, CONFORMANCE / "jpeg_420.jpg", "--json").results
    assert (row["file"], row["labels"]) == ("-", same["labels"])
