"""The output of `edgekit verify` and `edgekit inspect` for good packages, as text and as JSON."""

import json
from pathlib import Path

import pytest

from cli.command import SOURCES, Command, everything_in

COMPARISON = {
    *("runtime", "case", "output", "passed", "norm_error", "max_error", "cosine", "top1"),
    *("worst_index", "expected", "actual", "reason"),
}


def test_verify_good_package_prints_a_table(cli: Command, tiny: Path) -> None:
    result = cli("verify", tiny)
    result.passed("forward: seed 1", "predict: ", "tiny on lite: pass, bound 1e-05")
    assert "FAIL" not in result.out
    assert result.err == ""


def test_verify_json_is_one_document_of_the_documented_form(cli: Command, tiny: Path) -> None:
    document = json.loads(cli("verify", tiny, "--json").out)
    assert set(document) == {"schema_version", "context", "results"}
    assert document["context"] == {"package": "tiny", "passed": True, "weights": "embedded", "unproven": []}
    assert len(document["results"]) > 5
    for row in document["results"]:
        assert set(row) == COMPARISON
        assert (row["runtime"], row["passed"], row["reason"]) == ("lite", True, None)
        assert 0.0 <= row["norm_error"] <= 1e-5
        assert all(isinstance(index, int) for index in row["worst_index"])


def test_verify_plain_file_says_what_is_missing(cli: Command, plain: Path) -> None:
    cli("verify", plain).failed(3, "has no edgekit manifest", "Make it with edgekit export")


def test_verify_unknown_runtime_exits_2(cli: Command, tiny: Path) -> None:
    cli("verify", tiny, "--runtime", "quantum").failed(2, "unknown runtime 'quantum'; expected one of lite")


def test_inspect_good_package_shows_everything(cli: Command, tiny: Path) -> None:
    cli("inspect", tiny, "--digests").passed(
        "tiny.ptl",
        "bytecode 8",
        "captured    trace",
        "forward(x: float32 [1..4, 3, 7..128, 7..128])",
        "predict(image: uint8 [*, *, 3])",
        "prepacked::conv2d_clamp_run",
        "constants/0.storage",
        "labels      5: ant, bee, cat, dög",
        "records agree",
    )


def test_inspect_json_is_one_document(cli: Command, tiny: Path) -> None:
    document = json.loads(cli("inspect", tiny, "--json", "--digests").out)
    assert set(document) == {"schema_version", "context", "results"}
    found = document["results"]
    assert document["context"] == {"package": "tiny.ptl", "digests_checked": len(found["manifest"]["records"])}
    assert found["labels"] == ["ant", "bee", "cat", "dög", "emu\\n"]
    assert [method["name"] for method in found["methods"]] == ["forward", "predict"]
    assert found["operators"] == found["manifest"]["operators"]
    assert found["size_bytes"] == tiny.stat().st_size
    assert "classifier.weight" in {constant["parameter"] for constant in found["constants"]}


def test_inspect_plain_file_works_without_manifest(cli: Command, plain: Path) -> None:
    cli("inspect", plain).passed("no edgekit manifest: a plain .ptl", "forward(", "aten::linear")
    assert json.loads(cli("inspect", plain, "--json").out)["results"]["manifest"] is None
    cli("inspect", plain, "--digests").failed(3, "has no edgekit manifest, so there are no digests to check")


def test_inspect_selective_build_writes_the_operators(cli: Command, tiny: Path) -> None:
    cli("inspect", tiny, "--selective-build", "deep/ops.yaml").passed("operators to deep/ops.yaml")
    lines = Path("deep/ops.yaml").read_text().splitlines()
    operators = json.loads(cli("inspect", tiny, "--json").out)["results"]["operators"]
    assert lines == [f"- {name}" for name in operators]
    assert len(lines) > 5


def test_inspect_selective_build_that_cannot_be_written_exits_2(cli: Command, tiny: Path) -> None:
    Path("file").touch()
    cli("inspect", tiny, "--selective-build", "file/ops.yaml").failed(2, "cannot be written")
    assert everything_in(Path()) == ["file"]


@pytest.mark.parametrize("verb", ["verify", "inspect", "run"])
def test_reader_random_weights_are_named_in_the_first_line(cli: Command, verb: str) -> None:
    export = ("export", f"{SOURCES}:classifier", "--input", "1x3x32x32", "--weights", "random", "--seed", "7")
    exported = cli(*export, "-o", "x.ptl")
    assert exported.out.startswith("RANDOM WEIGHTS (seed 7)")
    import numpy as np

    np.save("x.npy", np.ones((1, 3, 32, 32), np.float32))
    result = cli(verb, "x.ptl", *(["--input", "x.npy"] if verb == "run" else []))
    result.passed()
    assert result.out.startswith("RANDOM WEIGHTS (seed 7): the answers of classifier mean nothing\n")


def test_reader_own_weights_are_not_called_random(cli: Command, tiny: Path) -> None:
    for verb in ("verify", "inspect"):
        assert "RANDOM" not in cli(verb, tiny).out


@pytest.mark.parametrize(("words", "expected"), [(["resnet1"], ["quantized_resnet18", "resnet101"]), (["xyz"], [])])
def test_models_filter_lists_the_names(cli: Command, words: list[str], expected: list[str]) -> None:
    result = cli("models", *words)
    result.passed()
    names = [line.split()[0] for line in result.out.splitlines() if line.startswith("  ")]
    assert set(expected) <= set(names)
    assert all(words[0] in name for name in names)
