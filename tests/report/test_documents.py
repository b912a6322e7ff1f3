"""The JSON form of results."""

import json
from dataclasses import dataclass

import msgspec
import pytest

from edgekit.report.documents import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    name: str
    values: tuple[float, ...]


def test_to_json_writes_version_context_and_results() -> None:
    document = Document(context={"package": "tiny"}, results=(Row(name="a", values=(1.5,)),))
    assert json.loads(document.to_json()) == {
        "schema_version": "1.0",
        "context": {"package": "tiny"},
        "results": [{"name": "a", "values": [1.5]}],
    }
    assert document.to_json().endswith("}\n")


def test_to_json_when_a_number_is_not_finite_then_it_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        Document(context={}, results=(Row(name="a", values=(float("nan"),)),)).to_json()


def test_document_has_a_schema() -> None:
    schema = msgspec.json.schema(Document[dict[str, str], tuple[Row, ...]])
    assert "schema_version" in json.dumps(schema)
