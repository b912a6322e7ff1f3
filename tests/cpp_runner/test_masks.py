"""Masks of the runner: the same files as Python writes, several pictures, and what is refused."""

from pathlib import Path

import numpy as np
import packages
import pytest
from PIL import Image

import edgekit
from edgekit.format.mask import overlay

from .conftest import Exported, Run

USAGE = 2
IMAGES = Path(__file__).parents[1] / "conformance" / "images"
PHOTO = IMAGES / "jpeg_exif6.jpg"


def test_run_writes_the_mask_and_the_overlay_that_python_gives(run: Run, segmenter: Exported, tmp_path: Path) -> None:
    mask, drawn = tmp_path / "m.png", tmp_path / "o.png"
    done = run("run", segmenter.package, PHOTO, "-o", mask, "--overlay", drawn, "--json")
    assert done.code == 0, done.err
    package = edgekit.load(segmenter.package)
    assert isinstance(package, edgekit.model.LiteModel)
    wanted, picture = package.segment(PHOTO), edgekit.format.decode.decode_image(PHOTO)
    with Image.open(mask) as image:
        assert image.mode == "P"
        np.testing.assert_array_equal(np.asarray(image), wanted)
    with Image.open(drawn) as image:
        np.testing.assert_array_equal(np.asarray(image), overlay(picture, wanted))
    (row,) = done.results
    assert (row["file"], row["error"], row["mask"], row["overlay"]) == (str(PHOTO), None, str(mask), str(drawn))
    shares = {"abcde"[index]: float((wanted == index).mean()) for index in np.unique(wanted)}
    assert {each["label"]: pytest.approx(each["score"], abs=1e-6) for each in row["labels"]} == shares
    assert [each["score"] for each in row["labels"]] == sorted((each["score"] for each in row["labels"]), reverse=True)


def test_run_several_pictures_put_their_names_before_the_suffix(run: Run, segmenter: Exported, tmp_path: Path) -> None:
    for name in ("a.jpg", "b c.jpg"):
        (tmp_path / name).write_bytes(PHOTO.read_bytes())
    (tmp_path / "empty.jpg").write_bytes(b"")
    done = run("run", segmenter.package, tmp_path, "-o", tmp_path / "out" / "m.png")
    assert done.code == USAGE  # the folder for the masks is not there
    (tmp_path / "out").mkdir()
    done = run("run", segmenter.package, tmp_path, "-o", tmp_path / "out" / "m.png", "--topk", 1)
    assert done.code == USAGE
    assert "1 of 3 pictures failed" in done.err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["m.a.png", "m.b_c.png"]
    assert f"-> {tmp_path / 'out' / 'm.a.png'}" in done.out


def test_run_refuses_files_that_it_cannot_or_must_not_write(
    run: Run, segmenter: Exported, classifier: Exported, tmp_path: Path
) -> None:
    photo, other = tmp_path / "a.png", tmp_path / "folder" / "a.png"
    other.parent.mkdir()
    for path in (photo, other):
        Image.open(PHOTO).save(path)
    before = photo.read_bytes()
    depth = packages.rewrite(
        segmenter.package,
        tmp_path / "depth.ptl",
        packages.edit_manifest(lambda manifest: manifest["image"].update(task="depth")),
        remake_digests=True,
    )
    cases = (
        (
            (segmenter.package, photo, "-o", tmp_path / "m.npy"),
            "pictures are written as PNG; expected a name that ends in .png",
        ),
        ((segmenter.package, photo, "-o", photo), "is read by this run"),
        ((segmenter.package, photo, "-o", tmp_path / "m.png", "--overlay", tmp_path / "m.png"), "written twice"),
        ((segmenter.package, photo, other, "-o", tmp_path / "m.png"), "written twice"),
        ((classifier.package, photo, "-o", tmp_path / "m.png"), "gives no masks or boxes for pictures"),
        ((segmenter.package, "--input", "1x3x48x64", "--overlay", tmp_path / "m.png"), "--overlay was given without"),
        ((depth, photo), "predict of this package gives 'depth', which this runner does not know"),
    )
    for arguments, message in cases:
        done = run("run", *arguments)
        assert done.code == USAGE, done.err
        assert message in done.err
    assert photo.read_bytes() == before
    assert not (tmp_path / "m.png").exists()


def test_verify_replays_the_masks(run: Run, segmenter: Exported, tmp_path: Path) -> None:
    done = run("verify", segmenter.package, "--json")
    assert done.code == 0, done.err
    assert sum(row["case"].startswith("predict") for row in done.results) == 3

    def other_class(golden: dict[str, list[dict[str, list[dict[str, list[int]]]]]]) -> None:
        (case, *_) = (each for each in golden["cases"] if "predict" in str(each["name"]))
        case["outputs"][0]["values"][0] += 1

    wrong = packages.rewrite(
        segmenter.package, tmp_path / "x.ptl", packages.edit_golden(other_class), remake_digests=True
    )
    assert run("verify", wrong).code == 1
