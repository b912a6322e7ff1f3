"""An evaluation for people."""

from edgekit.errors import printable
from edgekit.evaluation.rows import EvaluatedPicture, EvaluationDocument, worst
from edgekit.report.console import print_table
from edgekit.runtimes.results import LabelScore


def print_evaluation(document: EvaluationDocument, count: int) -> None:
    """The figures, the worst pictures, and those that failed."""
    context, rows = document.context, document.results
    done = context.pictures - context.failed
    against = "" if context.original is None else f", against {context.original}"
    failed = f", {context.failed} failed" if context.failed else ""
    print(printable(f"{context.package} on {context.runtime}{against}: {context.pictures} pictures{failed}"))
    for name, share in (
        ("agreement (top-1)", context.agreement),
        ("accuracy of the package", context.accuracy),
        ("accuracy of the original", context.original_accuracy),
    ):
        if share is not None:
            print(f"  {name:<26} {share:8.2%}  ({round(share * done)} of {done})")
    if context.largest_difference is not None:
        print(f"  {'largest score difference':<26} {context.largest_difference:8.1e}")
    _print_worst(worst(rows, count))
    for row in rows:
        if row.error is not None:
            print(printable(f"failed: {row.error}"))


def _print_worst(rows: list[EvaluatedPicture]) -> None:
    if rows:
        print("\nworst pictures")
        print_table(("file", "label", "package", "original", "difference"), map(_cells, rows))


def _cells(row: EvaluatedPicture) -> tuple[str, ...]:
    difference = "" if row.difference is None else f"{row.difference:.1e}"
    return (row.file, row.label or "", _score(row.package), _score(row.original), difference)


def _score(ranked: LabelScore | None) -> str:
    return "" if ranked is None else f"{ranked.label} {ranked.score:.4f}"
