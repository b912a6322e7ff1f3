"""Boxes of `edgekit run`: what is printed, the document, the picture with its boxes, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
from box_packages import make_boxes
from PIL import Image

import edgekit
from cli.command import Command
from edgekit.errors import UsageError
from edgekit.format.boxes import draw_boxes
from edgekit.format.decode import decode_image

PHOTO = Path(__file__).parents[1] / "conformance" / "images" / "jpeg_exif6.jpg"


@pytest.fixture(scope="session")
def boxes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_boxes(tmp_path_factory.mktemp("boxes"))


def test_run_prints_the_boxes_that_have_the_least_score(cli: Command, boxes: Path) -> None:
    height, width, _ = decode_image(PHOTO).shape
    done = cli("run", boxes, PHOTO)
    done.passed(f"traffic light  {0.1 * width:.1f}, {0.2 * height:.1f}, {0.5 * width:.1f}, {0.9 * height:.1f}")
    assert [line.split()[1] for line in done.out.splitlines() if line.startswith("0.")] == ["traffic", "cat"]
    assert "dog" in cli("run", boxes, PHOTO, "--min-score", "0.05").out
    assert "cat" not in cli("run", boxes, PHOTO, "--topk", "1").out
    cli("run", boxes, PHOTO, "--min-score", "1").passed("  no box with a score of at least 1 (--min-score)")


def test_run_document_has_the_boxes(cli: Command, boxes: Path) -> None:
    found = edgekit.load(boxes)
    assert isinstance(found, edgekit.LiteModel)
    (row,) = json.loads(cli("run", boxes, PHOTO, "--json").out)["results"]
    assert (row["labels"], row["mask"], row["overlay"], row["error"]) == ([], None, None, None)
    wanted = [{"label": each.label, "score": each.score, "box": list(each.box)} for each in found.detect(PHOTO)]
    assert row["boxes"] == wanted
    assert len(wanted) == 2


def test_run_draws_the_boxes(cli: Command, boxes: Path, folder: Path) -> None:
    cli("run", boxes, PHOTO, "--overlay", "o.png").passed(": -> o.png")
    found = edgekit.load(boxes)
    assert isinstance(found, edgekit.LiteModel)
    drawn = draw_boxes(decode_image(PHOTO), found.detect(PHOTO))
    np.testing.assert_array_equal(np.asarray(Image.open("o.png")), drawn)
    for name in ("a.png", "b c.png"):
        Image.open(PHOTO).save(folder / name)
    cli("run", boxes, "a.png", "b c.png", "--overlay", "o.png").passed("-> o.b_c.png")


def test_run_refuses_options_that_are_not_for_boxes(cli: Command, boxes: Path, tiny: Path, folder: Path) -> None:
    cases: tuple[tuple[tuple[object, ...], str], ...] = (
        ((boxes, PHOTO, "-o", "m.png"), "gives boxes for pictures, not masks. Use --overlay FILE.png"),
        ((boxes, PHOTO, "--overlay", "o.jpg"), "pictures are written as PNG; expected a name that ends in .png"),
        ((boxes, PHOTO, "--min-score", "2"), "--min-score 2: expected a number from 0 to 1"),
        ((boxes, PHOTO, "--min-score", "nan"), "expected a number from 0 to 1"),
        ((boxes, "--min-score", "0.5"), "--min-score is for pictures, and none was given"),
        ((tiny, PHOTO, "--min-score", "0.5"), "--min-score is for boxes, and"),
        ((tiny, PHOTO, "--overlay", "o.png"), "gives labels for pictures, not masks or boxes"),
    )
    for arguments, message in cases:
        cli("run", *arguments).failed(2, message)
    assert list(folder.iterdir()) == []


def test_other_verbs_take_a_package_of_boxes(cli: Command, boxes: Path, tmp_path: Path) -> None:
    Image.open(PHOTO).save(tmp_path / "a.png")
    cli("inspect", boxes).passed("predict     boxes in pixels of the picture, which is fitted into the size of forward")
    cli("verify", boxes).passed("pass")
    cli("bench", boxes, "--method", "predict", "--iterations", "1", "--min-seconds", "0").passed("lite")
    refused = cli("evaluate", boxes, "--data", tmp_path)
    refused.failed(2, "predict of this package gives boxes; evaluate compares labels")


def test_detect_takes_numbers_of_numpy(boxes: Path) -> None:
    model = edgekit.load(boxes)
    assert isinstance(model, edgekit.LiteModel)
    assert model.detect(PHOTO, np.float32(0.5)) == model.detect(PHOTO, 0.5)  # type: ignore[arg-type]  # as a user may pass it


@pytest.mark.parametrize(
    ("picture", "least", "message"),
    [
        (Image.new("RGB", (4, 4)), 0.5, "the picture is of type Image; expected the path of a file, or a numpy array"),
        (None, 0.5, "the picture is of type NoneType"),
        (np.zeros((0, 5, 3), np.uint8), 0.5, r"uint8 \[0, 5, 3\]; expected at least one pixel"),
        (PHOTO, float("nan"), "min_score is nan; expected a number from 0 to 1"),
        (PHOTO, "0.5", "min_score is '0.5'"),
    ],
)
def test_detect_with_wrong_arguments_is_a_usage_error(
    boxes: Path, picture: object, least: object, message: str
) -> None:
    model = edgekit.load(boxes)
    assert isinstance(model, edgekit.LiteModel)
    with pytest.raises(UsageError, match=message):
        model.detect(picture, least)  # type: ignore[arg-type]  # as a user may pass them
