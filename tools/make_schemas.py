"""Writes docs/schema/*.json, the JSON Schemas of what edgekit writes, from the Python types."""

import json
from pathlib import Path
from typing import Any

import msgspec

from edgekit.format.schema import Golden, Manifest

FOLDER = Path(__file__).parents[1] / "docs" / "schema"
DOCUMENTS: dict[str, Any] = {"manifest": Manifest, "golden": Golden}


def schema(name: str) -> dict[str, Any]:
    """Unknown fields are allowed, as readers ignore them."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"edgekit {name}",
        **msgspec.json.schema(DOCUMENTS[name]),
    }


def schema_text(name: str) -> str:
    return json.dumps(schema(name), indent=1) + "\n"


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name in DOCUMENTS:
        (FOLDER / f"{name}.json").write_text(schema_text(name))


if __name__ == "__main__":
    main()
