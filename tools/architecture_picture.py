"""Draws docs/architecture.svg: the rooms of edgekit and their imports. Run it after a change of the rooms.

The rooms and their order are those in tests/test_imports.py. An arrow that other arrows imply is left out.
"""

import argparse
import itertools
import sys
from dataclasses import dataclass
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from test_imports import PACKAGE, ROOMS, imported_modules, module_name  # noqa: E402  its folder is in sys.path only now

LINE_CHARACTERS = 30
WIDTH, GAP_X, GAP_Y = 216, 28, 44
MARGIN, LINE, PADDING, PASSAGE = 16, 15, 10, 12
SWEEPS = 8

Node = str | tuple[str, str, int]  # a room, or the passage of an arrow through a level

STYLE = """
  .page { fill: #ffffff } .box { fill: #f1f5f9; stroke: #64748b } .tip { fill: #64748b }
  .arrow { fill: none; stroke: #64748b; stroke-width: 1.3 }
  text { font-family: system-ui, 'DejaVu Sans', sans-serif; text-anchor: middle }
  .name { font-size: 14px; font-weight: 600; fill: #0f172a } .small { font-size: 11px; fill: #475569 }
  @media (prefers-color-scheme: dark) {
    .page { fill: #131416 } .box { fill: #22262e; stroke: #8b98ab } .tip { fill: #8b98ab } .arrow { stroke: #8b98ab }
    .name { fill: #f1f5f9 } .small { fill: #b6c0ce }
  }
"""


@dataclass(frozen=True, slots=True)
class Place:
    x: int
    y: int
    width: int
    height: int

    @property
    def middle(self) -> float:
        return self.x + self.width / 2


def room_of(module: str) -> str:
    first = module.split(".")[0]
    return first if first in ROOMS else ""


def imports_between_rooms() -> dict[str, set[str]]:
    """For each room, the rooms that its modules import."""
    found: dict[str, set[str]] = {room: set() for room in ROOMS if room != "__main__"}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = module_name(path)
        if room_of(name) not in found or name == "":
            continue
        found[room_of(name)] |= {room_of(target) for target in imported_modules(path) if target}
    return {room: targets & found.keys() - {room} for room, targets in found.items()}


def reachable(edges: dict[str, set[str]], room: str) -> set[str]:
    return edges[room].union(*(reachable(edges, target) for target in edges[room]))


def without_implied(edges: dict[str, set[str]]) -> dict[str, set[str]]:
    """The fewest arrows with the same meaning: none to a room that another target reaches."""
    return {
        room: {one for one in targets if not any(one in reachable(edges, other) for other in targets - {one})}
        for room, targets in edges.items()
    }


def levels(edges: dict[str, set[str]]) -> dict[str, int]:
    """The level of each room, from the bottom. A room is above every room that it imports."""

    def height(room: str) -> int:
        return 1 + max((height(target) for target in edges[room]), default=-1)

    return {room: height(room) for room in edges}


def routes(edges: dict[str, set[str]]) -> list[list[Node]]:
    """The nodes of each arrow, one per level. On a level that an arrow only passes, its node keeps space between the boxes."""
    heights = levels(edges)
    return [
        [room, *((room, target, level) for level in range(heights[room] - 1, heights[target], -1)), target]
        for room in edges
        for target in edges
        if target in edges[room]
    ]


def rows_of_nodes(edges: dict[str, set[str]]) -> list[list[Node]]:
    """The nodes of each level, from the top, in an order in which few arrows cross."""
    heights = levels(edges)
    rows: list[list[Node]] = [[] for _ in range(max(heights.values()) + 1)]
    for room, level in heights.items():
        rows[level].append(room)
    steps = [pair for route in routes(edges) for pair in itertools.pairwise(route)]
    for node in dict.fromkeys(node for pair in steps for node in pair if not isinstance(node, str)):
        rows[node[2]].append(node)
    rows.reverse()
    for sweep in range(SWEEPS):
        place = {node: (index + 0.5) / len(row) for row in rows for index, node in enumerate(row)}
        for row in rows if sweep % 2 == 0 else reversed(rows):
            sides = {node: [a if b == node else b for a, b in steps if node in (a, b)] for node in row}
            near = {node: [place[other] for other in sides[node]] or [place[node]] for node in row}
            row.sort(key=lambda node: sum(near[node]) / len(near[node]))
            place |= {node: (index + 0.5) / len(row) for index, node in enumerate(row)}
    return rows


def wrapped(words: list[str]) -> list[str]:
    """The words, separated by commas, in lines that fit into a box."""
    lines = [""]
    for word in [f"{word}, " for word in words[:-1]] + words[-1:]:
        if lines[-1] and len(lines[-1] + word) > LINE_CHARACTERS:
            lines.append("")
        lines[-1] += word
    return [line.strip() for line in lines if line.strip()]


def box_lines(room: str) -> list[str]:
    return wrapped([module for module in ROOMS[room] if module])


def draw() -> str:
    """The picture as the text of an SVG file."""
    edges = without_implied(imports_between_rooms())
    rows = rows_of_nodes(edges)
    spans = [sum(span(node) + GAP_X for node in row) - GAP_X for row in rows]
    width = MARGIN * 2 + max(spans)
    places: dict[Node, Place] = {}
    y = MARGIN
    for row, wide in zip(rows, spans, strict=True):
        x = (width - wide) // 2
        deep = max(depth(node) for node in row)
        for node in row:
            places[node] = Place(x, y, span(node), depth(node) or deep)
            x += span(node) + GAP_X
        y += deep + GAP_Y
    body = [arrow([places[node] for node in route]) for route in routes(edges)]
    body += [line for room in edges for line in box(room, places[room])]
    return "\n".join([*head(width, y - GAP_Y + MARGIN), *body, "</svg>", ""])


def span(node: Node) -> int:
    return WIDTH if isinstance(node, str) else PASSAGE


def depth(node: Node) -> int:
    """The height of a box, or 0 for a passage, which is as high as its row."""
    return PADDING * 2 + 14 + LINE * len(box_lines(node)) if isinstance(node, str) else 0


def head(width: int, height: int) -> list[str]:
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
        "<title>The rooms of edgekit; an arrow points to what a room imports</title>",
        f"<style>{STYLE}</style>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path class="tip" d="M0 0L8 4L0 8z"/></marker></defs>',
        '<rect class="page" width="100%" height="100%"/>',
    ]


def arrow(stops: list[Place]) -> str:
    """A curve from the lower edge of a box to the upper edge of another, straight through the passages between."""
    x, y = stops[0].middle, stops[0].y + stops[0].height
    d = f"M{x:g} {y:g}"
    for stop in stops[1:]:
        end = stop.y - (stop is stops[-1])
        bend = (end - y) / 2
        d += f"C{x:g} {y + bend:g} {stop.middle:g} {end - bend:g} {stop.middle:g} {end:g}"
        x, y = stop.middle, stop.y + stop.height
        d += f"V{y:g}" * (stop is not stops[-1])
    return f'<path class="arrow" d="{d}" marker-end="url(#tip)"/>'


def box(room: str, place: Place) -> list[str]:
    name = "at the bottom" if not room else room if (PACKAGE / room).is_dir() else f"{room}.py"
    x, y = place.middle, place.y + PADDING + 12
    small = [
        f'<text class="small" x="{x:g}" y="{y + 2 + LINE * index:g}">{escape(line)}</text>'
        for index, line in enumerate(box_lines(room), start=1)
    ]
    return [
        f'<rect class="box" x="{place.x}" y="{place.y}" width="{WIDTH}" height="{place.height}" rx="6"/>',
        f'<text class="name" x="{x:g}" y="{y:g}">{escape(name)}</text>',
        *small,
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "architecture.svg")
    parser.parse_args().out.write_text(draw())
