"""The JSON Schemas of docs/schema as checks of real documents."""

import json
from pathlib import Path
from typing import Any

import jsonschema

FOLDER = Path(__file__).parents[1] / "docs" / "schema"


def validate(document: Any, name: str) -> None:
    """Raises jsonschema.ValidationError where a parsed document does not fit docs/schema/NAME.json."""
    schema = json.loads((FOLDER / f"{name}.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(document)
