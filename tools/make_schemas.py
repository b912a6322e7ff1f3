"""Writes docs/schema/*.json, the JSON Schemas of edgekit's files and documents, from the Python types."""

import json
from pathlib import Path
from typing import Any

import msgspec

from edgekit.diagnosis import Check
from edgekit.evaluation.bisect import BisectDocument
from edgekit.evaluation.rows import EvaluationDocument
from edgekit.format.golden import Golden
from edgekit.format.schema import Manifest
from edgekit.measure.context import BenchContext
from edgekit.measure.regression import Change, CompareContext
from edgekit.report.documents import DoctorContext, Document, RunContext, VerifyContext
from edgekit.report.export import ExportDocument
from edgekit.runtimes.results import BenchResult, CaseRow, OutputFile, PictureResult
from edgekit.sweep.rows import SweepDocument

FOLDER = Path(__file__).parents[1] / "docs" / "schema"
PACKAGE: dict[str, Any] = {"manifest": Manifest, "golden": Golden}
DOCUMENTS: dict[str, Any] = {
    "verify": Document[VerifyContext, tuple[CaseRow, ...]],
    "verify-bisect": BisectDocument,
    "bench": Document[BenchContext, tuple[BenchResult, ...]],
    "bench-compare": Document[CompareContext, tuple[Change, ...]],
    "run-arrays": Document[RunContext, tuple[OutputFile, ...]],
    "run-pictures": Document[RunContext, tuple[PictureResult, ...]],
    "export-report": ExportDocument,
    "evaluate": EvaluationDocument,
    "sweep": SweepDocument,
    "doctor": Document[DoctorContext, tuple[Check, ...]],
}
NAMES = (*PACKAGE, *DOCUMENTS)

# Fields of documents that only some of the tools in Python, C++ and Kotlin write; every tool writes all others.
OPTIONAL = {
    "CaseRow": {"runtime"},
    "BenchResult": {"runtime", "operators", "ratio", "ratio_range"},
    "BenchContext": {
        *("edgekit", "cpu", "cores", "governor", "load_average"),
        *("file", "size_bytes", "digest", "recipe", "exceeded"),
    },
    "RunContext": {"runtime"},
}


def schema(name: str) -> dict[str, Any]:
    """Allows unknown fields, because readers ignore them."""
    made = msgspec.json.schema((PACKAGE | DOCUMENTS)[name])
    kinds = made["$defs"]
    for kind, definition in kinds.items():
        if "description" in definition:
            definition["description"] = definition["description"].partition("\n")[0]
        if name in DOCUMENTS:  # tools write every field, also those with a default in Python
            definition["required"] = [key for key in definition["properties"] if key not in OPTIONAL.get(kind, ())]
    root = kinds.pop(made["$ref"].rpartition("/")[2])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **root,
        "title": f"edgekit {name}",
        "$defs": kinds,
    }


def schema_text(name: str) -> str:
    return json.dumps(schema(name), indent=1) + "\n"


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name in NAMES:
        (FOLDER / f"{name}.json").write_text(schema_text(name))


if __name__ == "__main__":
    main()
