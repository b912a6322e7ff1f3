"""Golden cases: the eager model's answers to generated inputs, taken before any optimization."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch

from edgekit.capture.pictures import Picture
from edgekit.errors import ParityError
from edgekit.format.generator import hashes
from edgekit.format.golden import GoldenCase, GoldenOutput
from edgekit.format.schema import NOISE_CAP, Tolerance
from edgekit.nested import named_arrays
from edgekit.parity.comparison import Reference, rounded, shared_structure
from edgekit.parity.eager import exact_eager
from edgekit.parity.noise import SURE, Mask, OutputNoise
from edgekit.parity.ranking import Ranking
from edgekit.sources.facts import SourceFacts

Array = npt.NDArray[np.generic]

SAMPLE = 1024  # a case keeps at most this many elements of an output
_CHEAP_ELEMENTS = 1 << 17  # of the inputs of a case at the end of a range
_ABOUT = 1.05  # or if it is about as large as the example
_RANKS = 5


def golden_cases(
    references: Sequence[Reference], tolerance: Tolerance, method: str = "forward", sizes: Sequence[Reference] = ()
) -> tuple[GoldenCase, ...]:
    """The cases of a method: several seeds and signs, other sizes, and the ends of the ranges. Their answers are finite.

    A case lists at least one output, or it would prove nothing. If the structure depends on the data, each case has its own.
    A case has its own bounds if float32's noise needs wider ones than the package's, and leaves out undecided elements.
    """
    varies = shared_structure((*references, *sizes)) is None
    return tuple(
        _case(reference, method, varies, tolerance)
        for reference in (*references, *_ends(references, sizes))
        if reference.probe.is_case
        and reference.outputs
        and not reference.chaotic(tolerance)
        and all(np.isfinite(value).all() for value in reference.outputs.values() if value.dtype.kind == "f")
    )


def _case(reference: Reference, method: str, varies: bool, tolerance: Tolerance) -> GoldenCase:
    assert reference.probe.golden is not None  # every case has inputs that can be made again
    noise = reference.measured
    found = {} if noise is None else noise.outputs
    own = widened(found.values(), tolerance)
    return GoldenCase(
        name=f"{method}: {reference.probe.name}",
        method=method,
        inputs=reference.probe.golden,
        outputs=tuple(
            sampled(name, value, found[name].undecided if name in found else None)
            for name, value in reference.outputs.items()
        ),
        structure=reference.structure if varies else None,
        tolerance=None if own == tolerance else own,
        noise=None if noise is None else rounded(noise.largest),
    )


def widened(noises: Iterable[OutputNoise], tolerance: Tolerance) -> Tolerance:
    """The bounds of a case. Those that the noise widens are rounded up to two digits."""
    wide = tolerance
    for noise in noises:
        wide = noise.widened(wide)
    return replace(wide, norm=_round_up(wide.norm, tolerance.norm), max=_round_up(wide.max, tolerance.max))


def _round_up(bound: float, given: float) -> float:
    return given if bound <= given else min(float(f"{1.05 * bound:.2g}"), NOISE_CAP)


def _ends(references: Sequence[Reference], sizes: Sequence[Reference]) -> Sequence[Reference]:
    """The smallest inputs, and the largest ones that a device runs in little time.

    Their noise is measured if that of the other cases was.
    """
    most = max(_CHEAP_ELEMENTS, _ABOUT * references[0].probe.elements)
    stored = [
        reference for reference in sizes if reference.probe.golden is not None and reference.probe.elements <= most
    ]
    ordered = sorted(stored, key=lambda reference: reference.probe.elements)
    ends = ordered if len(ordered) < 2 else [ordered[0], ordered[-1]]
    if all(reference.measured for reference in references if reference.probe.is_case):
        for reference in ends:
            reference.noise()
    return ends


def predict_cases(
    facts: SourceFacts, pictures: Sequence[Picture], ranking: Ranking, tolerance: Tolerance
) -> tuple[GoldenCase, ...]:
    """The cases of `predict`, one for each picture on which the model is not chaotic.

    Raises:
        ParityError: there is none.
    """
    cases = [case for case in (_picture_case(picture, ranking, tolerance) for picture in pictures) if case is not None]
    if not cases:
        raise ParityError(
            f"{facts.source} is chaotic on every picture: rounding alone decides its scores, so predict could not be verified. "
            "Leave --image out, or pass --tolerance."
        )
    return tuple(cases)


def _picture_case(picture: Picture, ranking: Ranking, tolerance: Tolerance) -> GoldenCase | None:
    answer, output = picture.answer, ranking.image.output
    measured = answer.noise() if answer.meter is not None and answer.meter.loud else None
    noise = None if measured is None else measured.outputs[output]
    if noise is not None and noise.chaotic(tolerance):
        return None
    row = torch.from_numpy(answer.outputs[output]).flatten()
    with exact_eager():
        scores = _scores(row, ranking)
        ordered = named_arrays(torch.topk(scores, scores.size(0)))
    wide = widened(() if noise is None else (noise,), tolerance)
    own = _of_scores(wide, float(row.abs().max()), scores, ranking)
    # Rounding can swap close ranks. That changes the indices, but the scores by less than the tolerance.
    ranks = {"0": min(_RANKS, len(ordered["0"])), "1": _sure_ranks(ordered["0"], own)}
    return GoldenCase(
        name=answer.probe.name,
        method="predict",
        inputs=(picture.given,),
        outputs=tuple(_picked(name, value, np.arange(ranks[name])) for name, value in ordered.items()),
        tolerance=own,
        noise=None if noise is None else rounded(max(noise.norm, noise.max)),
    )


def _scores(row: torch.Tensor, ranking: Ranking) -> torch.Tensor:
    """The scores [C] of a row of answers, in eager mode."""
    match ranking.image.activation:
        case "softmax":
            scores = torch.softmax(row, dim=0)
        case "sigmoid":
            scores = torch.sigmoid(row)
        case _:
            scores = row
    return torch.cat([1.0 - scores, scores]) if ranking.pair else scores


def _of_scores(tolerance: Tolerance, largest: float, scores: torch.Tensor, ranking: Ranking) -> Tolerance:
    """The tolerance of the scores, from the bound on the answers, whose largest magnitude is `largest`.

    An absolute error of a logit becomes at most as large a relative error of its score after softmax or sigmoid. Without an
    activation it stays an absolute error, and the leading scores may be smaller than the largest magnitude.
    """
    if ranking.image.activation == "none":
        leading = float(scores.topk(min(_RANKS, len(scores))).values.abs().max())
        largest = largest / leading if leading > 0.0 else 1.0
    factor = max(1.0, math.ceil(largest))
    own = replace(tolerance, norm=tolerance.norm * factor, max=tolerance.max * factor)
    return replace(own, loosened=own.loosened or own.largest > NOISE_CAP)


def _sure_ranks(scores: Array, tolerance: Tolerance) -> int:
    """The number of leading ranks that rounding cannot swap."""
    leading = scores[: _RANKS + 1].astype(np.float64)
    if len(scores) <= _RANKS:
        leading = np.append(leading, -np.inf)  # nothing can swap with the last rank from below
    sure = leading[:-1] - leading[1:] > SURE * max(tolerance.max, tolerance.norm) * abs(scores[:_RANKS]).max()
    return int(np.argmin(sure)) if not sure.all() else len(sure)


def sampled(name: str, value: Array, undecided: Mask | None) -> GoldenOutput:
    if value.size <= SAMPLE and undecided is None:
        return _picked(name, value, None)
    if value.size <= SAMPLE:
        chosen = np.arange(value.size)
    else:
        places = (hashes(value.size, SAMPLE).astype(np.uint64) * np.uint64(value.size)) >> np.uint64(32)
        chosen = np.unique(places.astype(np.int64))
    return _picked(name, value, chosen if undecided is None else chosen[~undecided[chosen]])


def _picked(name: str, value: Array, indices: npt.NDArray[np.int64] | None) -> GoldenOutput:
    flat = value.reshape(-1) if indices is None else value.reshape(-1)[indices]
    return GoldenOutput(
        name=name,
        dtype=str(value.dtype),
        shape=value.shape,
        indices=None if indices is None else tuple(int(i) for i in indices),
        values=tuple(_number(number) for number in flat),
    )


def _number(value: np.generic) -> int | float:
    if value.dtype.kind == "f":
        digits = 9 if value.dtype == np.float32 else 17  # enough to read the same number back
        return float(f"{float(value):.{digits}g}")
    return int(value)
