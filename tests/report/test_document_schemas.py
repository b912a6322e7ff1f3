"""docs/schema accepts the documents that the verbs write, and refuses wrong ones."""

import contextlib
import copy
import io
import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from schemas import validate

from edgekit.cli.main import main

PICTURE = Path(__file__).parents[1] / "conformance" / "images" / "jpeg_444.jpg"


@pytest.fixture(scope="module")
def documents(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A document of each kind, as the command line prints it."""
    folder = tmp_path_factory.mktemp("documents")
    np.save(folder / "x.npy", np.zeros((1, 3, 32, 32), np.float32))
    commands: dict[str, list[str | Path]] = {
        "verify": ["verify", tiny],
        "bench": ["bench", tiny, "--iterations", "2", "--warmup", "0", "--min-seconds", "0"],
        "run-arrays": ["run", tiny, "--input", folder / "x.npy", "-o", folder / "y.npy"],
        "run-pictures": ["run", tiny, PICTURE],
    }
    found = {name: printed(*command) for name, command in commands.items()}
    return found | {"export-report": json.loads(tiny.with_suffix(".json").read_text())}


def printed(*command: object) -> Any:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert main([*map(str, command), "--json"]) == 0
    return json.loads(out.getvalue())


KINDS = ["verify", "bench", "run-arrays", "run-pictures", "export-report"]
FIRST = ("results", 0)


@pytest.mark.parametrize("kind", KINDS)
def test_document_schema_real_document_is_valid(documents: dict[str, Any], kind: str) -> None:
    validate(documents[kind], kind)
    validate(documents[kind] | {"new_field": 1}, kind)


@pytest.mark.parametrize("other", KINDS)
@pytest.mark.parametrize("kind", KINDS)
def test_document_schema_other_document_is_refused(documents: dict[str, Any], kind: str, other: str) -> None:
    if kind != other:
        refused(documents[other], kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("field", ["schema_version", "context", "results"])
def test_document_schema_missing_field_is_refused(documents: dict[str, Any], kind: str, field: str) -> None:
    refused({key: value for key, value in documents[kind].items() if key != field}, kind)
    refused(documents[kind] | {field: 1}, kind)


@pytest.mark.parametrize(
    ("kind", "place", "value"),
    [
        ("verify", ("context", "passed"), "yes"),
        ("verify", (*FIRST, "norm_error"), "small"),
        ("verify", (*FIRST, "worst_index"), [0.5]),
        ("verify", (*FIRST, "passed"), None),
        ("bench", (*FIRST, "p90_ms"), "3 ms"),
        ("bench", (*FIRST, "iterations"), 2.5),
        ("bench", (*FIRST, "samples_ms"), 1.0),
        ("run-arrays", (*FIRST, "shape"), ["1"]),
        ("run-pictures", (*FIRST, "labels"), {"ant": 0.5}),
        ("run-pictures", (*FIRST, "labels", 0, "score"), "0.5"),
        ("export-report", ("results", "package_bytes"), "1 MB"),
        ("export-report", ("results", "parity"), None),
    ],
)
def test_document_schema_wrong_value_is_refused(
    documents: dict[str, Any], kind: str, place: tuple[Any, ...], value: Any
) -> None:
    wrong = copy.deepcopy(documents[kind])
    *steps, last = place
    inner = wrong
    for step in steps:
        inner = inner[step]
    assert last in inner
    inner[last] = value
    refused(wrong, kind)
    del inner[last]
    refused(wrong, kind)


def refused(document: Any, kind: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        validate(document, kind)
