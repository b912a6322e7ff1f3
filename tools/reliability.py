"""Writes the figures of a tool into docs/reliability.md, between the two comments with its name."""

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reliability.md"


def write_figures(tool: str, text: str) -> None:
    start, end = f"<!-- {tool}: start -->", f"<!-- {tool}: end -->"
    old = PAGE.read_text()
    new, found = re.subn(f"{start}.*{end}", lambda _: f"{start}\n\n{text}\n\n{end}", old, flags=re.DOTALL)
    if found != 1:
        raise ValueError(f"{PAGE} has {found} places for {tool}; expected one")
    PAGE.write_text(new)
