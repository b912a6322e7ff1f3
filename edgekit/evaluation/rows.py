"""What `evaluate` finds, and its JSON document. Without torch."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edgekit.report.documents import Document
from edgekit.runtimes.results import LabelScore


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatedPicture:
    """The best label of a picture, of the package and of the original model.

    `label` is the true one, and null if the pictures have none; the fields of the original are null without one. `agrees` says
    that both have the same best class, and `difference` is the largest one between their scores of any class. `error` says why a
    picture failed; then all others are null.
    """

    file: str
    label: str | None = None
    package: LabelScore | None = None
    original: LabelScore | None = None
    correct: bool | None = None
    original_correct: bool | None = None
    agrees: bool | None = None
    difference: float | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationContext:
    """The figures of all pictures that did not fail, which are null where nothing says them.

    `original` is the source of the original model, and `same_weights` says whether its weights are those of the package.
    `agreement`, `accuracy` and `original_accuracy` are shares from 0 to 1.
    """

    package: str
    weights: str
    runtime: str
    original: str | None
    same_weights: bool | None
    pictures: int
    failed: int
    agreement: float | None
    accuracy: float | None
    original_accuracy: float | None
    largest_difference: float | None


EvaluationDocument = Document[EvaluationContext, tuple[EvaluatedPicture, ...]]


def evaluation_document(
    rows: Sequence[EvaluatedPicture],
    *,
    package: str,
    weights: str,
    runtime: str,
    original: str | None,
    same_weights: bool | None,
) -> EvaluationDocument:
    """The figures, and a row for each picture."""
    context = EvaluationContext(
        package=package,
        weights=weights,
        runtime=runtime,
        original=original,
        same_weights=same_weights,
        pictures=len(rows),
        failed=sum(row.error is not None for row in rows),
        agreement=_share(row.agrees for row in rows),
        accuracy=_share(row.correct for row in rows),
        original_accuracy=_share(row.original_correct for row in rows),
        largest_difference=max((row.difference for row in rows if row.difference is not None), default=None),
    )
    return Document(context=context, results=tuple(rows))


def worst(rows: Sequence[EvaluatedPicture], count: int) -> list[EvaluatedPicture]:
    """The pictures to look at first: where the two models disagree, then wrong answers with a high score, then differences."""
    notable = [row for row in rows if row.agrees is False or row.correct is False or row.difference]
    return sorted(notable, key=_badness, reverse=True)[:count]


def _badness(row: EvaluatedPicture) -> tuple[bool, bool, float]:
    wrong = row.correct is False
    score = 0.0 if row.package is None else row.package.score
    return (row.agrees is False, wrong, score if wrong else row.difference or 0.0)


def _share(answers: Iterable[bool | None]) -> float | None:
    """The share of yes among the answers that there are."""
    known = [answer for answer in answers if answer is not None]
    return sum(known) / len(known) if known else None
