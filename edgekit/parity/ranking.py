"""What `predict` ranks, or makes a mask of: an output of the model, and the activation that makes scores of it."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from edgekit.errors import UsageError
from edgekit.format.schema import BOXES, MASK, MOST_MASK_CLASSES, Activation, ImageSpec
from edgekit.parity.comparison import Reference
from edgekit.parity.eager import Array
from edgekit.parity.scores import Rows, are_distributions, are_shares, ends_squashed
from edgekit.sources.copies import detached_copy
from edgekit.sources.source import SourceModel

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """The image contract with its output and activation. With `pair`, one score p gives the scores 1 - p and p.

    If the task of the contract is `mask`, nothing is ranked: `predict` gives the class of each pixel, and with `pair` there
    is one channel, whose score decides between the classes 0 and 1. If it is `boxes`, `predict` gives those of a detector.
    """

    image: ImageSpec
    pair: bool = False

    @property
    def is_mask(self) -> bool:
        return self.image.task == MASK

    @property
    def is_boxes(self) -> bool:
        return self.image.task == BOXES

    @property
    def threshold(self) -> float:
        """What a map of one score must exceed for class 1."""
        return 0.5 if self.image.activation == "none" else 0.0


class _UnfitError(Exception):
    """Why the image contract does not apply to the model."""


def ranking_of(source: SourceModel, references: tuple[Reference, ...]) -> Ranking | None:
    """What `predict` does with the model's answers; None if the model does not take pictures.

    Raises:
        UsageError: the user asked for an image contract, an output or an activation that cannot apply.
    """
    asked = source.ranking
    if source.image is None:
        if asked.output is None and asked.activation is None:
            return None
        option = "--output" if asked.output is not None else "--activation"
        raise UsageError(
            f"{option} is for predict, and {source.name} has no image contract. Add --image, or leave {option} out."
        )
    if source.image.task == BOXES:
        if asked.output is not None or asked.activation is not None:
            option = "--output" if asked.output is not None else "--activation"
            raise UsageError(
                f"{option} is for scores, and {source.name} is a detector, which gives boxes. Leave it out."
            )
        return Ranking(image=source.image)
    try:
        return _ranking(source, source.image, references)
    except _UnfitError as why:
        options = {"--image": asked.image_given, "--output": asked.output, "--activation": asked.activation}
        if given := next((option for option, value in options.items() if value), None):
            raise UsageError(f"{source.name}: {given} cannot apply: {why}") from why
        _log.warning("%s gets no predict method: %s", source.name, why)
        return None


def _ranking(source: SourceModel, image: ImageSpec, references: tuple[Reference, ...]) -> Ranking:
    wanted = source.ranking.output or (image.output if image.output != "0" else None)
    maps = _gives_maps(references, source, wanted)
    if image.task == MASK and not maps and _gives_rows(references, source, wanted):
        raise _UnfitError(
            "the preprocessing crops nothing, which is for a mask, and forward returns a row of scores. Add crop=N (in Python, "
            "CenterCrop)."
        )
    if image.task == MASK or maps:
        return _masking(source, image, references, wanted)
    _check_input(source, image)
    output = _output(references, source.inputs[0].shape[0], wanted)
    classes = _classes(references[0].outputs[output], source.inputs[0].shape[0])
    rows = list(_rows(references, output, classes))
    shares = are_shares(rows)
    activation = source.ranking.activation or (image.activation if image.activation != "softmax" else None)
    if activation is None:
        preset = not source.ranking.image_given  # torchvision's classifiers, which return logits
        activation = "softmax" if preset else _found(source, references[0], output, classes, rows)
    if activation == "softmax" and classes == 1:
        raise _UnfitError(
            f"output {output} has one class, whose softmax is always 1. Use --activation sigmoid, or none if it is a score."
        )
    pair = classes == 1 and len(source.labels) == 2 and (activation == "sigmoid" or shares)
    return Ranking(image=replace(image, output=output, activation=activation), pair=pair)


def _gives_maps(references: tuple[Reference, ...], source: SourceModel, wanted: str | None) -> bool:
    """Whether the outputs in question have a map of scores, and no row of them, for each picture."""
    batch = _batch(source)
    values = [value for name, value in references[0].outputs.items() if wanted in (None, name)]
    return any(_channels(value, batch) for value in values) and not _gives_rows(references, source, wanted)


def _gives_rows(references: tuple[Reference, ...], source: SourceModel, wanted: str | None) -> bool:
    """Whether an output in question has a row of scores for each picture."""
    outputs = references[0].outputs
    return any(_classes(value, _batch(source)) for name, value in outputs.items() if wanted in (None, name))


def _batch(source: SourceModel) -> int:
    return source.inputs[0].shape[0] if source.inputs and source.inputs[0].shape else 0


def _masking(source: SourceModel, image: ImageSpec, references: tuple[Reference, ...], wanted: str | None) -> Ranking:
    """What `predict` does for a model whose output is a map of scores."""
    given = ", ".join(f"{spec.dtype} {list(spec.shape)}" for spec in source.inputs)
    first = source.inputs[0] if len(source.inputs) == 1 else None
    if first is None or first.dtype != "float32" or len(first.shape) != 4 or first.shape[1] != image.channels:
        raise _UnfitError(
            f"forward takes {given or 'nothing'}; for a mask, expected float32 [N, {image.channels}, H, W]. Change channels, or "
            "the shape of --input."
        )
    output = _chosen(references, first.shape[0], wanted, _channels, "a map of scores", "[N, classes, H, W]")
    channels = _channels(references[0].outputs[output], first.shape[0])
    if channels > MOST_MASK_CLASSES:
        raise _UnfitError(f"output {output} has {channels} classes; expected at most {MOST_MASK_CLASSES} for a mask.")
    activation = source.ranking.activation or (image.activation if image.activation != "softmax" else None)
    if channels == 1:
        activation = activation or _found(source, references[0], output, 1, _planes(references, output))
        if source.ranking.activation is None and activation != "none":
            raise _UnfitError(
                f"output {output} has one channel, which may be the score of a class, or a depth or a grey level. If it is the "
                "logit of a class, pass --activation sigmoid; if it is a score from 0 to 1, pass --activation none."
            )
    found = Ranking(
        image=replace(
            image,
            task=MASK,
            classes=max(2, channels),
            output=output,
            activation=activation or "softmax",
        ),
        pair=channels == 1,
    )
    if _is_flat(references, found):
        raise _UnfitError(
            f"output {output} gives one class for every pixel of every probe, so a mask would prove nothing. Pass trained "
            "weights or inputs of the expected range, or leave --image out."
        )
    return found


def _is_flat(references: tuple[Reference, ...], ranking: Ranking) -> bool:
    """Whether all elements of all answers have the same class."""
    classes: set[int] = set()
    for reference in references:
        value = reference.outputs[ranking.image.output]
        if not reference.probe.stress:
            found = value.astype(np.float32) > ranking.threshold if ranking.pair else value.argmax(axis=1)
            classes |= {int(each) for each in np.unique(found)}
    return len(classes) < 2


def _planes(references: tuple[Reference, ...], output: str) -> list[Rows]:
    """The finite maps of one channel of all probes, as rows."""
    values = (reference.outputs[output] for reference in references)
    return [value.reshape(-1, 1).astype(np.float32, copy=False) for value in values if np.isfinite(value).all()]


def _channels(value: Array, batch: int) -> int:
    """The number of classes in a map for `batch` pictures; 0 if the answer is not a map of scores for each picture."""
    if value.dtype != np.float32 or value.ndim != 4 or value.shape[0] != batch or min(value.shape[2:]) < 2:
        return 0
    return int(value.shape[1])


def _found(source: SourceModel, first: Reference, output: str, classes: int, rows: list[Rows]) -> Activation:
    if are_distributions(rows):
        return "none"
    if are_shares(rows) and ends_squashed(detached_copy(source.module), first.probe, output):
        return "none"
    return "sigmoid" if classes == 1 else "softmax"


def _check_input(source: SourceModel, image: ImageSpec) -> None:
    wanted = (image.channels, image.crop, image.crop)
    given = ", ".join(f"{spec.dtype} {list(spec.shape)}" for spec in source.inputs)
    if len(source.inputs) != 1 or source.inputs[0].dtype != "float32" or source.inputs[0].shape[1:] != wanted:
        raise _UnfitError(
            f"forward takes {given or 'nothing'}; with this preprocessing, expected float32 [N, {', '.join(map(str, wanted))}]. "
            "Change crop and channels, or the shape of --input."
        )


def _output(references: tuple[Reference, ...], batch: int, wanted: str | None) -> str:
    """The name of the output to rank: the one asked for, else the only one that has a row of scores for each picture."""
    return _chosen(references, batch, wanted, _classes, "a row of scores", "[N, classes]")


def _chosen(
    references: tuple[Reference, ...],
    batch: int,
    wanted: str | None,
    counted: Callable[[Array, int], int],
    what_for: str,
    shape: str,
) -> str:
    """The name of the output for `predict`: the one asked for, else the only one in which `counted` finds classes."""
    first = references[0]
    returns = ", ".join(f"{name}: {value.dtype} {list(value.shape)}" for name, value in first.outputs.items())
    expected = f"expected an output of float32 {shape}"
    if wanted is not None and wanted not in first.outputs:
        file = " The file to write is -o." if wanted.endswith(".ptl") else ""
        raise _UnfitError(f"there is no output {wanted!r}; expected one of {', '.join(first.outputs)}.{file}")
    names = [wanted] if wanted is not None else list(first.outputs)
    fitting = [name for name in names if counted(first.outputs[name], batch) and _in_all(name, references)]
    if not fitting:
        what = f"output {wanted}" if wanted is not None else "no output"
        raise _UnfitError(
            f"{what} has {what_for} for each picture; {expected}, and forward returns {returns}. Return the scores of "
            "the classes, or leave --image out and run the package on arrays."
        )
    if len(fitting) > 1:
        options = " or ".join(f"--output {name}" for name in fitting)
        raise _UnfitError(f"forward returns {returns}; expected one output with {what_for}. Choose it with {options}.")
    return fitting[0]


def _in_all(name: str, references: tuple[Reference, ...]) -> bool:
    """False for an item of a list whose length depends on the data."""
    return all(name in reference.outputs for reference in references)


def _classes(value: Array, batch: int) -> int:
    """The number of classes in an answer for `batch` pictures; 0 if the answer is not a row of scores for each picture."""
    if value.dtype != np.float32 or value.ndim > 2:
        return 0
    if value.ndim == 2:
        return value.shape[1] if value.shape[0] == batch else 0
    return 1 if value.size == batch else value.size if batch == 1 else 0


def _rows(references: tuple[Reference, ...], output: str, classes: int) -> Iterator[Rows]:
    """The finite answers of all probes, as [N, classes]."""
    for reference in references:
        value = reference.outputs[output]
        if value.size % classes == 0 and np.isfinite(value).all():
            yield value.reshape(-1, classes).astype(np.float32, copy=False)
