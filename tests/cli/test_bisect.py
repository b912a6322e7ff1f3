"""`edgekit verify --bisect`."""

import json
from pathlib import Path

import pytest
import torch
from packages import rewrite, scale_largest_weight
from schemas import validate

import edgekit
from cli.bisected import Pair, pair
from cli.command import Command

FILE = Path(__file__).parent / "bisected.py"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("bisect") / "pair.ptl"
    return edgekit.export(pair(), ["2x8"], name="pair", output=output, methods={"halved": ["1x8"]}).package


@pytest.fixture
def wrong(package: Path, tmp_path: Path) -> Path:
    """The same package with another weight of `wide`, under right digests."""
    return rewrite(package, tmp_path / "wrong.ptl", scale_largest_weight, remake_digests=True)


def test_bisect_of_a_right_package_finds_no_departure(cli: Command, package: Path) -> None:
    found = "no departure found: the original model gives the same answers"
    cli("verify", package, "--bisect", "--model", f"{FILE}:pair").passed(
        "pair on lite: pass", f"case 'forward: seed 1': {found}", f"case 'halved: seed 1': {found}"
    )


def test_bisect_of_a_wrong_weight_names_the_layer(cli: Command, wrong: Path) -> None:
    result = cli("verify", wrong, "--bisect", "--model", f"{FILE}:pair")
    assert result.code == 1, result.err
    line = next(i for i, text in enumerate(FILE.read_text().splitlines(), 1) if "self.wide(x)" in text)
    lines = result.out[result.out.index("case 'forward") :].splitlines()
    assert lines[0] == (
        f"case 'forward: seed 1': first departure from eager: wide (Linear), aten::addmm at bisected.py:{line}"
    )
    assert lines[1].startswith("  norm error 0.00")
    assert lines[1].endswith("from prepacked::linear_clamp_run")
    assert lines[2].startswith("  input float32 [2, 8]: min -")
    assert lines[3] == "case 'halved: seed 1': no departure found: the original model gives the same answers"


def test_bisect_json_has_the_departures_in_its_context(cli: Command, package: Path, wrong: Path) -> None:
    documents = {
        name: json.loads(cli("verify", path, "--bisect", "--model", f"{FILE}:pair", "--json").out)
        for name, path in (("right", package), ("wrong", wrong))
    }
    for document in documents.values():
        validate(document, "verify-bisect")
        validate(document, "verify")
    right, broken = (documents[name]["context"] for name in ("right", "wrong"))
    assert (right["passed"], right["departures"][0]["departure"]) == (True, None)
    assert (broken["passed"], broken["original"]) == (False, f"{FILE}:pair")
    departure = broken["departures"][0]["departure"]
    assert (departure["module"], departure["layer"], departure["operator"]) == ("wide", "Linear", "aten::addmm")
    assert departure["inputs"][0]["shape"] == [2, 8]


def test_bisect_against_a_model_with_other_weights_says_so(
    cli: Command, package: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = pair()
    with torch.no_grad():
        other.get_submodule("narrow").bias.add_(0.5)
    torch.save(other.state_dict(), tmp_path / "other.pth")
    result = cli("verify", package, "--bisect", "--model", f"{FILE}:pair", "--checkpoint", tmp_path / "other.pth")
    assert result.code == 1  # the package is right, but not for this model
    assert "the weights of" in caplog.text + result.err
    assert "pair on lite: pass" in result.out
    assert "case 'forward: seed 1': first departure from eager: narrow (Linear), aten::addmm" in result.out


def test_bisect_against_the_server_file_names_the_operator_alone(cli: Command, tmp_path: Path) -> None:
    edgekit.export(Pair().eval(), ["2x8"], name="single", output=tmp_path / "single.ptl")
    wrong = rewrite(tmp_path / "single.ptl", tmp_path / "w.ptl", scale_largest_weight, remake_digests=True)
    result = cli("verify", wrong, "--bisect", "--model", tmp_path / "single.pt")
    assert result.code == 1, result.err
    assert "case 'forward: seed 1': first departure from eager: aten::addmm\n" in result.out


def test_bisect_without_the_original_says_what_is_needed(cli: Command, package: Path) -> None:
    cli("verify", package, "--bisect").failed(
        2, "only the answers of the original model, which was made of", "Give the original with --model SOURCE"
    )


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--bisect", "--model", f"{FILE}:pair", "--runtime", "native"], "only the runtime lite gives"),
        (["--model", f"{FILE}:pair"], "--model is for --bisect"),
        (["--bind", "a=1"], "--bind is for the original model"),
        (["--bisect", "--model", f"{FILE}:other"], "no such parameter"),
        (["--bisect", "--model", f"{FILE}:failing"], "fails on case 'forward: seed 1'"),
    ],
)
def test_bisect_wrong_request_is_refused(cli: Command, package: Path, arguments: list[str], text: str) -> None:
    result = cli("verify", package, *arguments)
    result.failed(3 if "fails on" in text else 2, text)
