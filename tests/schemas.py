"""Checks documents against the JSON Schemas in docs/schema."""

import json
from pathlib import Path
from typing import Any

import jsonschema

FOLDER = Path(__file__).parents[1] / "docs" / "schema"


def validate(document: Any, name: str) -> None:
    """Raises jsonschema.ValidationError if a parsed document does not match docs/schema/NAME.json."""
    schema = json.loads((FOLDER / f"{name}.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(document)
