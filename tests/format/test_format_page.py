"""docs/format.md: the reader accepts its examples, and its table of required fields matches the conformance cases."""

import json
import re
from pathlib import Path

import pytest
from schemas import validate

from edgekit.format.codec import from_json
from edgekit.format.golden import Golden
from edgekit.format.schema import Manifest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "format.md").read_text()
EXAMPLES = re.findall(r"```json\n(.*?)```", PAGE, flags=re.DOTALL)
MANIFESTS = json.loads((ROOT / "tests" / "conformance" / "manifests.json").read_text())["cases"]


@pytest.mark.parametrize(("text", "kind"), [*zip(EXAMPLES, (Manifest, Golden), strict=True)])
def test_format_page_example_is_accepted(text: str, kind: type) -> None:
    from_json(text, kind, "the example")
    validate(json.loads(text), kind.__name__.lower())


def required_in_table() -> set[str]:
    """Fields that the table of the page requires of every reader, as paths without list positions."""
    section = PAGE.partition("### Required fields")[2].partition("\n###")[0]
    found = set()
    for places, required in re.findall(r"^\| (.+?) \| (`.+?`) \| .*\|$", section, flags=re.MULTILINE):
        for place in places.split(", "):
            prefix = "" if place == "the manifest" else place.strip("`").replace("[]", "") + "."
            found |= {prefix + name for name in re.findall(r"`(.+?)`", required)}
    return found


def required_in_cases() -> set[str]:
    names = {case["name"] for case in MANIFESTS if case.get("reason") == "missing" and "readers" not in case}
    paths = {name.removeprefix("missing: ").replace(".0", "") for name in names}
    return {path.removeprefix("methods.") if "puts." in path else path for path in paths}


def test_format_page_required_fields_are_those_of_the_conformance_cases() -> None:
    assert required_in_table() == required_in_cases()
