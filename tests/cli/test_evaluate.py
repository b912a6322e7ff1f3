"""`edgekit evaluate`: a package and its original on pictures of four colours, which tests make."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from evaluation.colours import COLOURS, SIDE, Colours
from packages import edit_manifest, rewrite, scale_largest_weight
from PIL import Image
from schemas import validate

import edgekit
from cli.command import Command

FACTORY = f"{Path(__file__).parents[1] / 'evaluation' / 'colours.py'}:"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier of red, green, blue and grey."""
    image = edgekit.ImageSpec(resize=SIDE, crop=SIDE, mean=(0.5,) * 3, std=(0.25,) * 3)
    output = tmp_path_factory.mktemp("colours") / "colours.ptl"
    return edgekit.export(Colours(), name="colours", image=image, labels=list(COLOURS), output=output).package


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three noisy pictures of each colour, one of them under a wrong label, and one that is damaged."""
    folder = tmp_path_factory.mktemp("data")
    generator = np.random.default_rng(0)
    for label, colour in COLOURS.items():
        (folder / label).mkdir()
        for number in range(3):
            noise = generator.integers(-20, 20, (30 + number, 40, 3))
            Image.fromarray((np.array(colour) + noise).clip(0, 255).astype(np.uint8)).save(
                folder / label / f"{number}.png"
            )
    (folder / "red" / "2.png").rename(folder / "blue" / "odd.png")
    (folder / "green" / "broken.png").write_bytes((folder / "green" / "0.png").read_bytes()[:500])
    return folder


@pytest.fixture
def plain(data: Path, tmp_path: Path) -> Path:
    """Pictures without labels, none of which is damaged."""
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes((data / "green" / f"{number}.png").read_bytes())
    return tmp_path


def document(cli: Command, *arguments: object) -> dict[str, Any]:
    result = cli("evaluate", *arguments, "--json")
    found: dict[str, Any] = json.loads(result.out)
    validate(found, "evaluate")
    return found


def test_evaluate_labelled_pictures_against_the_original(cli: Command, package: Path, data: Path) -> None:
    result = cli("evaluate", package, "--data", data, "--model", f"{FACTORY}make")
    assert result.code == 2  # a picture failed, and is listed
    lines = result.out.splitlines()
    assert lines[0] == f"colours on lite, against {FACTORY}make: 13 pictures, 1 failed"
    assert "  agreement (top-1)           100.00%  (12 of 12)" in lines
    assert "  accuracy of the package      91.67%  (11 of 12)" in lines
    assert "  accuracy of the original     91.67%  (11 of 12)" in lines
    worst = lines[lines.index("worst pictures") + 3]
    assert "odd.png" in worst
    assert worst.count("red ") == 2
    assert lines[-1].startswith(f"failed: {data / 'green' / 'broken.png'}: damaged or truncated")


def test_evaluate_json_has_a_row_for_each_picture(cli: Command, package: Path, data: Path) -> None:
    found = document(cli, package, "--data", data, "--model", f"{FACTORY}make")
    context, rows = found["context"], found["results"]
    assert (context["pictures"], context["failed"], context["same_weights"]) == (13, 1, True)
    assert (context["agreement"], context["accuracy"], context["original_accuracy"]) == (1.0, 11 / 12, 11 / 12)
    assert 0.0 <= context["largest_difference"] < 1e-5
    assert context["largest_difference"] == max(row["difference"] for row in rows if row["error"] is None)
    (broken,) = [row for row in rows if row["error"]]
    assert (broken["label"], broken["package"], broken["agrees"]) == ("green", None, None)
    assert [row["file"] for row in rows] == sorted(row["file"] for row in rows)


def test_evaluate_other_weights_are_said_and_seen(cli: Command, package: Path, data: Path) -> None:
    result = cli(
        "evaluate", package, "--data", data, "--model", f"{FACTORY}make", "--arg", "swapped=true", "--worst", "1"
    )
    assert "are not those of the package" in result.err
    assert "  agreement (top-1)            50.00%  (6 of 12)" in result.out
    assert "  accuracy of the original     41.67%  (5 of 12)" in result.out
    assert result.out.count(".png") == 2  # the worst one and the damaged one


def test_evaluate_checkpoint_gives_the_original_its_weights(cli: Command, package: Path, plain: Path) -> None:
    torch.save(Colours().state_dict(), "colours.pth")
    given = ("--model", f"{FACTORY}make", "--arg", "swapped=true", "--checkpoint", "colours.pth")
    context = document(cli, package, "--data", plain, *given)["context"]
    assert (context["agreement"], context["same_weights"], context["accuracy"]) == (1.0, True, None)


def test_evaluate_package_that_is_wrong_disagrees(cli: Command, package: Path, data: Path, tmp_path: Path) -> None:
    wrong = rewrite(package, tmp_path / "wrong.ptl", scale_largest_weight, remake_digests=True)
    context = document(cli, wrong, "--data", data, "--model", f"{FACTORY}make")["context"]
    assert context["largest_difference"] > 1e-3


def test_evaluate_without_the_original_has_only_the_package(
    cli: Command, package: Path, data: Path, plain: Path
) -> None:
    context = document(cli, package, "--data", data)["context"]
    assert context["accuracy"] == 11 / 12
    assert [context[key] for key in ("original", "agreement", "original_accuracy", "largest_difference")] == [None] * 4
    cli("evaluate", package, "--data", plain).passed("colours on lite: 3 pictures")


def test_evaluate_isolated_gives_the_same_answers(process: Command, package: Path, plain: Path) -> None:
    given = ("evaluate", package, "--data", plain, "--model", f"{FACTORY}make", "--json")
    found = [process(*given, "--isolate", mode) for mode in ("never", "always")]
    assert [result.code for result in found] == [0, 0], found[1].err
    assert found[0].out == found[1].out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--weights", "random"], "--weights is for the original model"),
        (["--model", f"{FACTORY}ten"], "has 10 classes, and the package 4"),
        (["--model", f"{FACTORY}named"], "has no output 0, which the package ranks; it has logits"),
        (["--model", f"{FACTORY}fails"], "fails on a picture"),
        (["--worst", "-1"], "--worst is -1"),
        (["--classes", "missing.txt"], "--classes missing.txt cannot be read"),
    ],
)
def test_evaluate_wrong_request_ends(
    cli: Command, package: Path, plain: Path, arguments: list[str], message: str
) -> None:
    result = cli("evaluate", package, "--data", plain, *arguments)
    result.failed(result.code, message)
    assert result.code in (2, 3)


def test_evaluate_package_without_pictures_is_refused(cli: Command, two_inputs: Path, data: Path) -> None:
    cli("evaluate", two_inputs, "--data", data).failed(2, "has no image contract")


def test_evaluate_package_that_gives_masks_is_refused(cli: Command, package: Path, data: Path, tmp_path: Path) -> None:
    as_mask = edit_manifest(lambda manifest: manifest["image"].update(task="mask", classes=4))
    masks = rewrite(package, tmp_path / "masks.ptl", as_mask, remake_digests=True)
    cli("evaluate", masks, "--data", data).failed(2, "predict of this package gives a mask; evaluate compares labels")
