"""The golden cases of a `predict` that gives boxes."""

import math
from collections.abc import Sequence
from dataclasses import replace

import torch

from edgekit.capture.pictures import Picture
from edgekit.format.golden import GoldenCase
from edgekit.format.schema import NOISE_CAP, Evidence, MethodSpec, TensorSpec, Tolerance
from edgekit.nested import named_arrays, structure_of
from edgekit.packaging.golden import sampled, widened
from edgekit.parity.comparison import rounded
from edgekit.parity.eager import exact_eager
from edgekit.parity.probes import from_golden
from edgekit.parity.ranking import Ranking
from edgekit.sources.boxes import BoxHead


def box_cases(pictures: Sequence[Picture], ranking: Ranking, tolerance: Tolerance) -> tuple[GoldenCase, ...]:
    """The cases of `predict`, one for each picture."""
    return tuple(_case(picture, ranking, tolerance) for picture in pictures)


def describe_boxes(cases: tuple[GoldenCase, ...]) -> MethodSpec:
    """`predict`, by its golden cases."""
    picture = TensorSpec(name="image", dtype="uint8", shape=(None, None, 3), low=0, high=255)
    proof = _proof(cases)
    outputs = tuple(
        TensorSpec(name=output.name, dtype=output.dtype, shape=(None, *output.shape[1:]), proof=proof)
        for output in cases[0].outputs
    )
    structure = structure_of({output.name: torch.empty(0) for output in outputs})
    return MethodSpec(name="predict", structure=structure, inputs=(picture,), outputs=outputs)


def _case(picture: Picture, ranking: Ranking, tolerance: Tolerance) -> GoldenCase:
    answer = picture.answer
    (prepared,) = answer.probe.inputs
    (image,) = from_golden("", (picture.given,)).inputs
    head = BoxHead(ranking.image, prepared.shape)
    boxes, labels, scores = map(torch.from_numpy, answer.outputs.values())
    with exact_eager():
        found = named_arrays(head(boxes, labels, scores, image))
        factor = _factor(boxes, torch.from_numpy(found["boxes"]), head.scales(image))
    measured = answer.measured
    wide = widened(() if measured is None else measured.outputs.values(), tolerance)
    own = replace(wide, norm=wide.norm * factor, max=wide.max * factor)
    own = replace(own, loosened=own.loosened or own.largest > NOISE_CAP)
    return GoldenCase(
        name=answer.probe.name,
        method="predict",
        inputs=(picture.given,),
        outputs=tuple(sampled(name, value, None) for name, value in found.items()),
        tolerance=None if own == tolerance else own,
        noise=None if measured is None else rounded(measured.largest),
    )


def _factor(boxes: torch.Tensor, moved: torch.Tensor, scales: tuple[float, float]) -> int:
    """How much larger the relative error of boxes may be after they were moved: cut at an edge, they may be smaller."""
    if moved.numel() == 0:
        return 1
    return max(1, math.ceil(max(scales) * float(boxes.abs().max()) / float(moved.max())))


def _proof(cases: tuple[GoldenCase, ...]) -> Evidence:
    """Pictures without a box, or one of several with the same boxes as another, prove nothing."""
    found = [case.outputs[0].values for case in cases if case.outputs[0].values]
    return "varies" if found and len(set(found)) == len(found) else "unproven"
