"""What every verb prints alike: tables, JSON documents, the banner on random weights, progress on a terminal."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from edgekit.format.schema import SCHEMA_VERSION, Manifest


def banner(manifest: Manifest | None) -> str:
    """The first line that every verb prints of a package whose answers mean nothing; empty otherwise."""
    if manifest is None or not manifest.random_weights:
        return ""
    return f"RANDOM WEIGHTS (seed {manifest.provenance.weights.seed}): the answers of {manifest.name} mean nothing\n"


def bound(manifest: Manifest) -> str:
    """What the errors are held against: the package's bound, and what `predict`'s cases have instead."""
    scores = ", for scores times the largest logit" if manifest.method("predict") else ""
    return f"bound {manifest.tolerance.norm:g}{scores}"


def print_table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    from tabulate import tabulate

    print(tabulate(list(rows), headers=headers, tablefmt="simple", disable_numparse=True))


def print_document(context: dict[str, Any], results: Any) -> None:
    """Exactly one JSON document on stdout."""
    document = {"schema_version": SCHEMA_VERSION, "context": context, "results": results}
    print(json.dumps(document, indent=1, allow_nan=False))


def size(size_bytes: int) -> str:
    """Bytes for a person: 46.8 MB."""
    value = float(size_bytes)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


class Progress:
    """The stage at work, on stderr, where that is a terminal."""

    def __init__(self, stages: Sequence[str], quiet: bool) -> None:
        from tqdm import tqdm

        shown = sys.stderr.isatty() and not quiet
        self._bar = tqdm(
            total=len(stages), disable=not shown, leave=False, bar_format="{desc:<10}{bar:20} {n}/{total} {elapsed}"
        )
        self._started = False

    def __call__(self, stage: str) -> None:
        self._bar.set_description_str(stage)
        if self._started:
            self._bar.update()
        self._started = True

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()
