"""The schemas in docs/schema are current and valid. They accept real files and refuse wrong ones."""

import copy
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from schemas import FOLDER, validate

from edgekit.format.archive import GOLDEN, MANIFEST, Archive

ROOT = Path(__file__).parents[2]
MANIFESTS = json.loads((ROOT / "tests" / "conformance" / "manifests.json").read_text())["cases"]


def _make_schemas() -> Any:
    spec = importlib.util.spec_from_file_location("make_schemas", ROOT / "tools" / "make_schemas.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TOOL = _make_schemas()
NAMES = sorted(TOOL.NAMES)


def test_schemas_folder_has_one_file_for_each_document() -> None:
    assert sorted(path.stem for path in FOLDER.iterdir()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_schema_file_is_current_and_valid(name: str) -> None:
    text = (FOLDER / f"{name}.json").read_text()
    assert text == TOOL.schema_text(name), "run `make schemas`"
    jsonschema.Draft202012Validator.check_schema(json.loads(text))


@pytest.mark.parametrize("name", NAMES)
def test_schema_objects_allow_unknown_fields(name: str) -> None:
    assert 'additionalProperties": false' not in (FOLDER / f"{name}.json").read_text()


# A schema cannot check sums, products or duplicate names, and Python's `$` also matches before a final line feed.
CHECKED = [
    case
    for case in MANIFESTS
    if case["accepted"] or (case["reason"] in ("version", "missing", "type") and case["name"] != r"version '1.0\n'")
]


@pytest.mark.parametrize("case", CHECKED, ids=lambda case: case["name"])
def test_manifest_schema_conformance_case_agrees_with_the_readers(case: dict[str, Any]) -> None:
    document = json.loads(case["text"])
    if case["accepted"]:
        validate(document, "manifest")
        return
    with pytest.raises(jsonschema.ValidationError):
        validate(document, "manifest")


def test_package_schemas_real_package_is_valid(tiny: Path, two_inputs: Path) -> None:
    for package in (tiny, two_inputs):
        with Archive(package) as archive:
            validate(json.loads(archive.read(MANIFEST)), "manifest")
            validate(json.loads(archive.read(GOLDEN)), "golden")


def _set(*path: Any) -> Callable[[Any], None]:
    """An edit that sets a value; the last argument is the value, the others are the path to it."""

    def edit(document: Any) -> None:
        *steps, last, value = path
        for step in steps:
            document = document[step]
        document[last] = value

    return edit


GOLDEN_FAULTS = {
    "a newer version": _set("schema_version", "3.0"),
    "no list of cases": _set("cases", {}),
    "a case without a name": lambda document: document["cases"][0].pop("name"),
    "a dtype that is unknown": _set("cases", 0, "outputs", 0, "dtype", "float16"),
    "a negative axis": _set("cases", 0, "outputs", 0, "shape", [-1]),
    "a seed beyond 32 bits": _set("cases", 0, "inputs", 0, "seed", 2**32),
    "a word that is not a number": _set("cases", 0, "outputs", 0, "values", ["many"]),
    "a negative bound": _set("cases", 0, "tolerance", {"norm": -1}),
}


@pytest.mark.parametrize("fault", GOLDEN_FAULTS)
def test_golden_schema_wrong_document_is_refused(tiny: Path, fault: str) -> None:
    with Archive(tiny) as archive:
        document = json.loads(archive.read(GOLDEN))
    wrong = copy.deepcopy(document)
    GOLDEN_FAULTS[fault](wrong)
    with pytest.raises(jsonschema.ValidationError):
        validate(wrong, "golden")
