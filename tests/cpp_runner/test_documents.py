"""The JSON documents of the runner have the members that docs/format.md gives to every tool, and no others."""

from pathlib import Path

import pytest
from schemas import validate

from .conftest import Exported, Run

PICTURE = Path(__file__).parents[1] / "conformance" / "images" / "jpeg_420.jpg"
VERDICT_ROW = [
    "case",
    "output",
    "passed",
    "reason",
    "norm_error",
    "max_error",
    "cosine",
    "top1",
    "worst_index",
    "expected",
    "actual",
]
INSPECTED = ["signatures", "unproven", "ranges_proved"]  # of a package with a manifest
DOCUMENTS = {
    "verify": (["verify"], VERDICT_ROW),
    "pictures": (["run", str(PICTURE)], ["file", "labels", "boxes", "error", "mask", "overlay"]),
    "arrays": (["run", "--input", "1x3x32x32"], ["output", "file", "dtype", "shape"]),
    "inspect": (["inspect"], ["kind", "size_bytes", "labels", "records", "signed_by", "manifest", *INSPECTED]),
    "ops": (["ops"], ["name", "arguments"]),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_document_has_the_members_of_every_tool(run: Run, classifier: Exported, name: str) -> None:
    (verb, *more), members = DOCUMENTS[name]
    done = run(verb, *([] if verb == "ops" else [classifier.package]), *more, "--json")
    assert done.code == 0, done.err
    assert list(done.document) == ["schema_version", "context", "results"]
    assert done.document["schema_version"] == "1.0"
    assert done.results
    assert all(list(row) == members for row in done.results)


@pytest.mark.parametrize("name", ["verify", "pictures", "arrays"])
def test_context_names_the_package_and_its_weights(run: Run, classifier: Exported, plain: Path, name: str) -> None:
    (verb, *more), _ = DOCUMENTS[name]
    context = run(verb, classifier.package, *more, "--json").document["context"]
    assert context["package"] == "toy"
    assert context["weights"] == "embedded"
    assert name != "verify" or context["passed"] is True
    arrays = run("run", plain, "--input", "1x3x32x32", "--json")
    assert arrays.document["context"]["package"] is None
    assert arrays.document["context"]["weights"] is None


def test_documents_fit_the_schemas_of_every_tool(run: Run, classifier: Exported, tmp_path: Path) -> None:
    arguments = {
        "verify": ["verify"],
        "bench": ["bench", "--iterations", 2, "--warmup", 0, "--min-seconds", 0, "--ops"],
        "run-arrays": ["run", "--input", "1x3x32x32", "-o", tmp_path / "y.npy"],
        "run-pictures": ["run", PICTURE],
    }
    for kind, (verb, *more) in arguments.items():
        done = run(verb, classifier.package, *more, "--json")
        assert done.code == 0, done.err
        validate(done.document, kind)
