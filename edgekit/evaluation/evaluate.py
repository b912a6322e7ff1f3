"""Runs a package, and the original model if there is one, over pictures."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from edgekit.errors import DeviceError, ImageError
from edgekit.evaluation.original import Original, Scores
from edgekit.evaluation.pictures import LabelledPicture
from edgekit.evaluation.rows import EvaluatedPicture
from edgekit.format.decode import decode_image
from edgekit.format.schema import LABELS
from edgekit.model import PackageModel
from edgekit.runtimes import isolation
from edgekit.runtimes.results import LabelScore


def class_count(model: PackageModel) -> int:
    """The number of classes that `predict` ranks.

    Raises:
        UsageError: the package has no `predict`, or one that does not rank classes.
    """
    model.picture_resize()
    model.check_task(LABELS, "evaluate compares labels")
    spec = None if model.manifest is None else model.manifest.method("predict")
    size = None if spec is None else spec.outputs[0].shape[0]
    return size if isinstance(size, int) else len(model.labels)


def evaluated(
    model: PackageModel, original: Original | None, pictures: Sequence[LabelledPicture]
) -> Iterator[tuple[EvaluatedPicture, int]]:
    """A row for each picture, in their order, and its exit code. A picture that fails gets a row that says why."""
    isolation.step()  # the original is loaded
    for picture in pictures:
        try:
            yield _evaluated(model, original, picture), 0
        except (ImageError, DeviceError) as error:
            yield EvaluatedPicture(file=_text(picture.file), label=picture.label, error=str(error)), error.exit_code
        isolation.step()


def _evaluated(model: PackageModel, original: Original | None, picture: LabelledPicture) -> EvaluatedPicture:
    pixels = decode_image(picture.file, model.picture_resize())
    outputs = model.run([pixels], "predict")
    ranked, order = outputs["0"], outputs["1"]
    scores = np.zeros(ranked.shape, np.float32)
    scores[order] = ranked
    theirs = None if original is None else original.scores(pixels)
    if theirs is not None and not np.isfinite(theirs).all():
        raise DeviceError(f"{picture.file}: the original model gives NaN or infinity.")
    best, other = int(order[0]), None if theirs is None else int(theirs.argmax())
    return EvaluatedPicture(
        file=_text(picture.file),
        label=picture.label,
        package=_named(model, scores, best),
        original=None if theirs is None or other is None else _named(model, theirs, other),
        correct=best in picture.classes if picture.classes else None,
        original_correct=other in picture.classes if picture.classes and other is not None else None,
        agrees=None if other is None else other == best,
        difference=None if theirs is None else float(np.abs(scores - theirs).max()),
    )


def _named(model: PackageModel, scores: Scores, index: int) -> LabelScore:
    return LabelScore(label=model.label(index), score=float(scores[index]))


def _text(path: Path) -> str:
    """The path for a document, which is UTF-8 although the path may be any bytes."""
    return str(path).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
