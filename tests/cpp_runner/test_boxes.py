"""Boxes of the runner: the same text, document and drawn pixels as Python gives, and what is refused."""

import json
from pathlib import Path

import packages
import pytest
from box_packages import make_boxes
from cli.command import Command, Result

import edgekit
from edgekit.cli.main import main

from .conftest import Exported, Run

USAGE, BAD = 2, 3
PHOTO = Path(__file__).parents[1] / "conformance" / "images" / "jpeg_exif6.jpg"


@pytest.fixture(scope="module")
def boxes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_boxes(tmp_path_factory.mktemp("boxes"))


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Command:
    """The command line of Python, in this process."""

    def call(*arguments: object) -> Result:
        code = main([str(argument) for argument in arguments])
        return Result(code, *capsys.readouterr())

    return call


def words(text: str) -> list[list[str]]:
    """The words of each line, without the rules of Python's table."""
    return [line.split() for line in text.splitlines() if line.strip(" -")]


def test_run_prints_and_draws_what_python_prints_and_draws(run: Run, cli: Command, boxes: Path, tmp_path: Path) -> None:
    ours, theirs = tmp_path / "runner.png", tmp_path / "python.png"
    for given in ((), ("--min-score", 0.05), ("--topk", 1), ("--min-score", 1)):
        done = run("run", boxes, PHOTO, *given)
        assert done.code == 0, done.err
        assert words(done.out) == words(cli("run", boxes, PHOTO, *given).out)
    done = run("run", boxes, PHOTO, "--overlay", ours, "--json", "--min-score", 0)
    (row,), (same,) = (
        done.results,
        json.loads(cli("run", boxes, PHOTO, "--json", "--min-score", 0, "--overlay", theirs).out)["results"],
    )
    assert row == {**same, "overlay": str(ours)}
    assert len(row["boxes"]) == 3
    decoded = [edgekit.format.decode.decode_image(path).tobytes() for path in (ours, theirs)]
    assert decoded[0] == decoded[1]


def test_run_refuses_options_that_are_not_for_boxes(
    run: Run, boxes: Path, classifier: Exported, segmenter: Exported, tmp_path: Path
) -> None:
    picture = tmp_path / "o.png"
    cases = (
        ((boxes, PHOTO, "-o", picture), "gives boxes for pictures, not masks; use --overlay FILE.png"),
        ((boxes, PHOTO, "--overlay", tmp_path / "o.jpg"), "pictures are written as PNG"),
        ((boxes, PHOTO, "--min-score", "2"), "--min-score"),
        ((boxes, "--input", "1x3", "--min-score", "0.5"), "--min-score was given without pictures"),
        ((classifier.package, PHOTO, "--min-score", "0.5"), "--min-score is for boxes, and"),
        ((segmenter.package, PHOTO, "--min-score", "0.5"), "gives mask"),
        ((classifier.package, PHOTO, "--overlay", picture), "gives no masks or boxes for pictures"),
    )
    for arguments, message in cases:
        done = run("run", *arguments)
        assert done.code == USAGE, done.err
        assert message in done.err
    assert not list(tmp_path.iterdir())


def test_package_that_says_boxes_and_gives_labels_is_refused(run: Run, classifier: Exported, tmp_path: Path) -> None:
    as_boxes = packages.edit_manifest(lambda manifest: manifest["image"].update(task="boxes"))
    wrong = packages.rewrite(classifier.package, tmp_path / "x.ptl", as_boxes, remake_digests=True)
    done = run("run", wrong, PHOTO)
    assert done.code == BAD
    assert "method predict does not give boxes, labels and scores" in done.err


def test_verify_replays_predict_and_bench_times_it(run: Run, boxes: Path) -> None:
    done = run("verify", boxes, "--json")
    assert done.code == 0, done.err
    assert {row["output"] for row in done.results if row["case"].startswith("predict")} == {"boxes", "labels", "scores"}
    assert run("bench", boxes, "--method", "predict", "--iterations", 1, "--min-seconds", 0).code == 0
