"""The conformance cases that the readers in C++ and Kotlin run too: manifests, labels and verdicts."""

import dataclasses
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from schemas import validate

from edgekit.errors import DeviceError, PackageError
from edgekit.format.codec import from_json
from edgekit.format.generator import generate
from edgekit.format.golden import Golden, GoldenCase
from edgekit.format.labels import decode_labels, encode_labels
from edgekit.format.schema import Manifest, MethodSpec, TensorSpec, Tolerance
from edgekit.report.documents import verify_document
from edgekit.runtimes.lite import replay
from edgekit.runtimes.results import CaseResult, CaseRow, from_document
from edgekit.runtimes.verdict import VerifyReport

CONFORMANCE = Path(__file__).parents[1] / "conformance"


def cases(file: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((CONFORMANCE / file).read_text())["cases"]
    assert len({case["name"] for case in found}) == len(found) >= 20
    return found


def named(case: dict[str, Any]) -> str:
    return str(case["name"])


@pytest.mark.parametrize(
    "file", ["compare", "goldens", "labels", "manifests", "masks", "names", "shapes", "signatures", "verdict"]
)
def test_conformance_file_is_what_its_script_writes(file: str, tmp_path: Path) -> None:
    script = tmp_path / f"make_{file}.py"
    script.write_text((CONFORMANCE / f"make_{file}.py").read_text())
    subprocess.run([sys.executable, script], check=True)
    assert (CONFORMANCE / f"{file}.json").read_text() == (tmp_path / f"{file}.json").read_text()


@pytest.mark.parametrize("case", cases("manifests.json"), ids=named)
def test_from_json_conformance_manifest_is_accepted_or_refused(case: dict[str, Any]) -> None:
    assert "python" in case.get("readers", ["python"])  # Python checks every field
    if case["accepted"]:
        from_json(case["text"], Manifest, "the manifest")
        return
    with pytest.raises(PackageError, match="the manifest"):
        from_json(case["text"], Manifest, "the manifest")


@pytest.mark.parametrize("case", cases("goldens.json"), ids=named)
def test_from_json_conformance_golden_is_accepted_or_refused(case: dict[str, Any]) -> None:
    if not case["accepted"]:
        with pytest.raises(PackageError, match="the golden cases"):
            from_json(case["text"], Golden, "the golden cases")
        return
    golden = from_json(case["text"], Golden, "the golden cases")
    for index, expected in enumerate(case.get("inputs", ())):
        given = generate(golden.cases[0].inputs[index])
        assert [str(given.dtype), list(given.shape)] == [expected["dtype"], expected["shape"]]
        assert given.reshape(-1).tolist() == [float(v) if isinstance(v, str) else v for v in expected["values"]]


@pytest.mark.parametrize("case", cases("shapes.json"), ids=named)
def test_accepts_conformance_sizes_are_accepted_or_refused(case: dict[str, Any]) -> None:
    specs = msgspec.convert(case["inputs"], tuple[TensorSpec, ...])
    method = MethodSpec(name="forward", structure="*", inputs=specs, outputs=())
    shapes = [tuple(shape) for shape in case["shapes"]]
    each = all(spec.accepts(shape) for spec, shape in zip(specs, shapes, strict=True))
    assert (each and not method.unequal(shapes)) == case["accepted"]


@pytest.mark.parametrize("case", cases("labels.json"), ids=named)
def test_decode_labels_conformance_text_gives_its_labels(case: dict[str, Any]) -> None:
    labels = tuple(case["labels"])
    assert decode_labels(case["text"]) == labels
    assert decode_labels(encode_labels(labels)) == labels


class Answer:
    """A runtime that has one answer."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self._answer = answer

    def run(self, _method: str, _inputs: Sequence[Any]) -> tuple[str, dict[str, np.ndarray]]:
        if "error" in self._answer:
            raise DeviceError(self._answer["error"])
        return self._answer["structure"], {output["name"]: array(output) for output in self._answer["outputs"]}


def array(output: dict[str, Any]) -> np.ndarray:
    values = [float(v) if isinstance(v, str) else v for v in output["values"]]
    return np.array(values, dtype=output["dtype"]).reshape(output["shape"])


def same(found: Any, expected: Any) -> bool:
    """Numbers that are not integers are compared to 1e-6 relative."""
    if isinstance(expected, float) and isinstance(found, float | int):
        return found == pytest.approx(expected, rel=1e-6)
    return bool(found == expected) and isinstance(found, bool) == isinstance(expected, bool)


@pytest.mark.parametrize("case", cases("verdict.json"), ids=named)
def test_replay_conformance_answer_gives_its_rows(case: dict[str, Any]) -> None:
    outputs = tuple(TensorSpec(name=name, dtype="float32", shape=(), proof="unproven") for name in case["unproven"])
    method = MethodSpec(name="forward", structure=case["structure"], inputs=(), outputs=outputs)
    fields = {"name": case["case"], "method": "forward", "inputs": [], "outputs": case["outputs"]}
    fields |= {"structure": case["case_structure"], "tolerance": case["case_tolerance"]}
    golden = msgspec.convert(fields, GoldenCase)
    tolerance = msgspec.convert(case["tolerance"], Tolerance)
    found = replay(Answer(case["answer"]), golden, method, tolerance)
    results = tuple(CaseResult(runtime="lite", case=golden.name, comparison=comparison) for comparison in found)
    manifest = from_json(cases("manifests.json")[0]["text"], Manifest, "the manifest")
    document = verify_document(
        VerifyReport(path="", manifest=dataclasses.replace(manifest, name="tiny", methods=(method,)), results=results)
    )
    written = json.loads(document.to_json())
    validate(written, "verify")
    assert written["context"] == case["context"]
    rows = written["results"]
    assert all(row.pop("runtime") == "lite" for row in rows)
    assert len(from_document(json.dumps(written), CaseRow, "lite")) == len(rows)
    assert [sorted(row) for row in rows] == [sorted(row) for row in case["rows"]]
    wrong = [
        (key, row[key], wanted[key])
        for row, wanted in zip(rows, case["rows"], strict=True)
        for key in wanted
        if not same(row[key], wanted[key])
    ]
    assert not wrong
