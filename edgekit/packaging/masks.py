"""The golden cases of a `predict` that gives masks."""

from collections.abc import Sequence

import torch

from edgekit.capture.pictures import Picture
from edgekit.errors import ParityError
from edgekit.format.golden import GoldenCase
from edgekit.format.schema import Evidence, MethodSpec, TensorSpec, Tolerance
from edgekit.packaging.golden import sampled, widened
from edgekit.parity.comparison import rounded
from edgekit.parity.eager import exact_eager
from edgekit.parity.masks import MaskHead, Sides, WholePicture
from edgekit.parity.noise import SURE
from edgekit.parity.probes import from_golden
from edgekit.parity.ranking import Ranking
from edgekit.sources.facts import SourceFacts


def mask_cases(
    facts: SourceFacts, pictures: Sequence[Picture], ranking: Ranking, sides: Sides, tolerance: Tolerance
) -> tuple[GoldenCase, ...]:
    """The cases of `predict`, one for each picture whose mask has pixels that rounding cannot change.

    A picture is left out if the sizes that are proved by now prepare it in another way than the eager model got it.

    Raises:
        ParityError: there is none.
    """
    preprocess = WholePicture(ranking.image, sides)
    cases = [case for case in (_case(each, preprocess, ranking, tolerance) for each in pictures) if case is not None]
    if not cases:
        raise ParityError(
            f"{facts.source} has no picture whose mask could be verified: rounding alone decides its pixels, or too few sizes "
            "are proved. Leave --image out, or pass the sizes that the model must take with --dynamic."
        )
    return tuple(cases)


def describe_mask(cases: tuple[GoldenCase, ...]) -> MethodSpec:
    """`predict`, by its golden cases."""
    picture = TensorSpec(name="image", dtype="uint8", shape=(None, None, 3), low=0, high=255)
    mask = TensorSpec(name="0", dtype="uint8", shape=(None, None), proof=_proof(cases))
    return MethodSpec(name="predict", structure="*", inputs=(picture,), outputs=(mask,))


def _case(picture: Picture, preprocess: WholePicture, ranking: Ranking, tolerance: Tolerance) -> GoldenCase | None:
    answer, output = picture.answer, ranking.image.output
    (prepared,) = answer.probe.inputs
    (image,) = from_golden("", (picture.given,)).inputs
    if preprocess.prepared_sides(image.size(0), image.size(1)) != tuple(prepared.shape[2:]):
        return None
    measured = answer.noise() if answer.meter is not None and answer.meter.loud else None
    noise = None if measured is None else measured.outputs[output]
    if noise is not None and noise.chaotic(tolerance):
        return None
    scores, head = torch.from_numpy(answer.outputs[output]), MaskHead(ranking.pair, ranking.threshold)
    bounds = widened(() if noise is None else (noise,), tolerance)
    with exact_eager():
        mask = head(scores, prepared, image).numpy()
        margin = SURE * max(bounds.norm, bounds.max) * float(scores.abs().max())
        sure = head.sure(scores, prepared, image, margin).numpy()
    listed = sampled("0", mask, None if sure.all() else ~sure.reshape(-1))
    if not listed.values:
        return None
    return GoldenCase(
        name=answer.probe.name,
        method="predict",
        inputs=(picture.given,),
        outputs=(listed,),
        noise=None if noise is None else rounded(max(noise.norm, noise.max)),
    )


def _proof(cases: tuple[GoldenCase, ...]) -> Evidence:
    """Masks that have one class everywhere, and the same in each picture, prove nothing."""
    found = {value for case in cases for value in case.outputs[0].values}
    return "varies" if len(found) > 1 else "unproven"
