"""Draws docs/first_picture.svg, the README's first picture: a photograph, the commands, and what they print.

Usage: readme_picture.py. It exports efficientnet_lite0, and runs it on a photograph that scikit-learn carries.
"""

import base64
import html
import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import sklearn.datasets
from PIL import Image

OUTPUT = Path(__file__).parents[1] / "docs" / "first_picture.svg"
PHOTO = Path(sklearn.datasets.__file__).parent / "images" / "china.jpg"
HEIGHT, WIDTH, MARGIN, LINE = 300, 1060, 20, 21
PAPER, INK, COMMAND = "#fafaf8", "#282c34", "#005c96"


def output_of(folder: Path, *arguments: str) -> list[str]:
    """The lines that a command of edgekit prints in a folder."""
    environment = os.environ | {"PYTHONPATH": str(OUTPUT.parents[1])}
    command = [sys.executable, "-m", "edgekit", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, check=True, capture_output=True, text=True
    ).stdout.splitlines()


def drawing(lines: list[str]) -> str:
    """The photograph and the lines beside it, as SVG."""
    photo = Image.open(PHOTO).convert("RGB")
    photo = photo.resize((photo.width * HEIGHT // photo.height, HEIGHT), Image.Resampling.LANCZOS)
    data = io.BytesIO()
    photo.save(data, "JPEG", quality=85)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{PAPER}"/>',
        f'<image width="{photo.width}" height="{HEIGHT}" '
        f'href="data:image/jpeg;base64,{base64.b64encode(data.getvalue()).decode()}"/>',
        '<g font-family="ui-monospace, Menlo, Consolas, monospace" font-size="14" xml:space="preserve">',
    ]
    for index, line in enumerate(lines):
        colour = COMMAND if line.startswith("$") else INK
        place = f'x="{photo.width + MARGIN}" y="{2 * MARGIN + index * LINE}"'
        parts.append(f'<text {place} fill="{colour}">{html.escape(line)}</text>')
    return "\n".join([*parts, "</g>", "</svg>", ""])


def main() -> None:
    package = "build/mobile/efficientnet_lite0/efficientnet_lite0.ptl"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "china.jpg").write_bytes(PHOTO.read_bytes())
        export = output_of(folder, "export", "efficientnet_lite0")
        verified = next(line for line in export if "verified" in line).partition(" (bound")[0]
        shown = output_of(folder, "run", package, "china.jpg", "--topk", "3")
    lines = [
        "$ make export-mobile MODEL=efficientnet_lite0",
        export[0],
        verified,
        "",
        "$ edgekit run build/mobile/efficientnet_lite0/*.ptl china.jpg",
        *shown,
    ]
    OUTPUT.write_text(drawing(lines), encoding="utf-8")
    print(f"{OUTPUT.name}: {OUTPUT.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
