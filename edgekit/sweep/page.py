"""The results of a sweep as a Markdown page."""

import textwrap
from collections.abc import Sequence

from edgekit.report.console import size
from edgekit.runtimes.compat import known_runtimes
from edgekit.sweep.rows import SweepDocument, SweepRow

_NOTE = 240  # characters of a reason
_HEADERS = ("model", "result", "captured by", "error", "weights", "package", "time", "peak memory", "fits", "reason")


def markdown_page(document: SweepDocument) -> str:
    """The page: what was run, and a table."""
    context = document.context
    versions, options = context.versions, context.options
    vision = "" if versions.torchvision is None else f", torchvision {versions.torchvision}"
    weights = "pretrained where available" if options.weights is None else options.weights
    cpu = "" if context.cpu is None else f" The machine: {context.cpu}."
    lines = [
        "# Models",
        "",
        f"`edgekit sweep` wrote this page. It ran {context.models} models: {context.verified} verified, {context.unproven} "
        f"UNPROVEN, {context.failed} failed. `edgekit models` lists {context.names} names.",
        "",
        f"edgekit {versions.edgekit}, torch {versions.torch}{vision}; `--fit {options.fit}`; weights: {weights} (seed "
        f"{options.seed}).{cpu}",
        "",
        "Each model was exported in its own process. *error* is the largest error of the saved file; time and memory are those",
        "of the whole export, and other work on the machine makes it longer. *fits* names the runtimes that have every operator;",
        f"`all` are {', '.join(known_runtimes())}.",
        "",
        table(document.results),
    ]
    return "\n".join(lines)


def table(rows: Sequence[SweepRow]) -> str:
    """A Markdown table that ends in a newline, with a row for each model."""
    lines = [_line(_HEADERS), _line(["---"] * len(_HEADERS)), *(_line(_cells(row)) for row in rows)]
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(row: SweepRow) -> tuple[str, ...]:
    return (
        f"`{row.model}`",
        row.status,
        row.capture or "",
        "" if row.norm_error is None else f"{row.norm_error:.1e}",
        row.weights or "",
        "" if row.package_bytes is None else size(row.package_bytes),
        f"{row.seconds:.0f} s",
        size(row.peak_rss_bytes),
        "" if row.package_bytes is None else _fits(row),
        _escaped(textwrap.shorten(row.reason, _NOTE, placeholder=" …")),
    )


def _fits(row: SweepRow) -> str:
    return "all" if set(row.fits) == set(known_runtimes()) else ", ".join(row.fits) or "none"


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is, in a cell."""
    return "".join(f"\\{letter}" if letter in "\\|*_`[]<>" else letter for letter in text)
