"""The eager model's answers to pictures: what the golden cases of `predict` are made of."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from edgekit.format.generator import stored
from edgekit.format.golden import GoldenInput
from edgekit.format.schema import ImageSpec, Tolerance
from edgekit.nested import named_tensors
from edgekit.parity.comparison import Reference
from edgekit.parity.eager import exact_eager
from edgekit.parity.masks import WholePicture, sides_of
from edgekit.parity.noise import SURE, NoiseMeter
from edgekit.parity.preprocess import Preprocess
from edgekit.parity.probes import Probe, from_golden
from edgekit.parity.ranges import Ranges
from edgekit.parity.ranking import Ranking
from edgekit.sources.boxes import BoxHead, FittedPicture, generated_pictures
from edgekit.sources.copies import detached_copy
from edgekit.sources.detection import OUTPUTS
from edgekit.sources.source import SourceModel

_FIRST_SEED, _PICTURES = 21, 32
_TRIES = 8  # to find a shape that the preprocessing keeps
_ROUNDING = 5e-4  # in levels of a pixel; the largest error seen in float32 kernels is 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture, and the eager model's answer to it after preprocessing: the output that is ranked, or the boxes."""

    given: GoldenInput
    answer: Reference


def pictures_of(
    source: SourceModel, ranking: Ranking, meter: NoiseMeter | None, ranges: Ranges = ()
) -> tuple[Picture, ...]:
    """One picture that is halved, one that is only cropped, and one that is doubled.

    With these factors, most pixels are resized exactly. With others, about one pixel in 100,000 lies so close to a half that
    a kernel with fused multiply-add rounds it to another level. A device that works correctly would fail on it.

    Args:
        ranges: the sizes that were proved, which limit those of a picture that is not cropped.
    """
    image, module = ranking.image, detached_copy(source.module)
    preprocess, shapes = Preprocess(image), _shapes(image.resize)
    if ranking.is_mask:
        preprocess = WholePicture(image, sides_of(source.inputs[0].shape, ranges))
        shapes = _exact_shapes(preprocess)
    pictures = []
    for shape in shapes:
        given, picture = _steady_picture(preprocess, shape)
        with exact_eager():
            prepared = preprocess(picture)
            ranked = named_tensors(module(prepared))[image.output]
        answer = Reference(
            probe=Probe(name=f"predict: {shape[0]}x{shape[1]}", inputs=(prepared,)),
            structure="*",
            outputs={image.output: ranked.contiguous().numpy()},
            meter=meter,
        )
        pictures.append(Picture(given=given, answer=answer))
    return tuple(pictures)


def box_pictures(
    source: SourceModel, ranking: Ranking, meter: NoiseMeter | None, tolerance: Tolerance
) -> tuple[Picture, ...]:
    """The pictures for a detector: a tall one, a wide one, and the user's sample if there is one.

    Returns:
        Those whose boxes rounding does not decide; nothing if none of them has a box.
    """
    size = source.inputs[0].shape
    module, preprocess, head = (
        detached_copy(source.module),
        FittedPicture(ranking.image, size),
        BoxHead(ranking.image, size),
    )
    pictures, boxes = [], 0
    for given in _given_to_detector(source, ranking.image):
        (picture,) = from_golden("", (given,)).inputs
        with exact_eager():
            prepared = preprocess(picture)
            found = named_tensors(module(prepared))
        answer = Reference(
            probe=Probe(name=f"predict: {given.shape[0]}x{given.shape[1]}", inputs=(prepared,)),
            structure="*",
            outputs={name: found[name].contiguous().numpy() for name in OUTPUTS},
            meter=meter,
        )
        noise = answer.noise()
        if noise is not None and (noise.chaotic(tolerance) or noise.undecided):
            continue
        bound = max(
            [tolerance.max, *(each.widened(tolerance).max for each in (noise.outputs.values() if noise else ()))]
        )
        if head.sure(found["boxes"], picture, SURE * bound * max(picture.shape)):
            pictures.append(Picture(given=given, answer=answer))
            boxes += len(head(*(found[name] for name in OUTPUTS), picture)["boxes"])
    return tuple(pictures) if boxes else ()


def _given_to_detector(source: SourceModel, image: ImageSpec) -> Iterator[GoldenInput]:
    """The pictures, the last of them a smaller copy of the user's sample."""
    yield from generated_pictures(image, source.inputs[0].shape)
    if source.picture_room:
        sample = source.example()[0] * 255.0
        step = math.ceil(math.sqrt(sample.numel() / source.picture_room))
        small = F.avg_pool2d(sample, min(step, *sample.shape[1:]))
        yield stored("image", small.round().clamp(0.0, 255.0).to(torch.uint8).permute(1, 2, 0).contiguous().numpy())


def _shapes(resize: int) -> tuple[tuple[int, int, int], ...]:
    half = (resize + 1) // 2
    return (2 * resize, 2 * resize + 90, 3), (resize + 64, resize, 3), (half, half + 27, 3)


def _exact_shapes(preprocess: WholePicture) -> tuple[tuple[int, int, int], ...]:
    """Shapes that are halved, kept and doubled exactly where nothing is cropped off, square ones if there are no others."""
    side = preprocess.resize

    def kept(height: int, width: int) -> tuple[int, int]:
        """The shape to which resizing and limiting bring a shape, and from which they change nothing."""
        for _ in range(_TRIES):
            new = preprocess.prepared_sides(height, width)
            if new == (height, width):
                break
            height, width = new
        return height, width

    square, wide = kept(side, side), kept(side, side + side // 4)
    tall = kept(side + side // 4, side)
    return ((2 * wide[0], 2 * wide[1], 3), (*tall, 3), ((square[0] + 1) // 2, (square[1] + 1) // 2, 3))


def _steady_picture(preprocess: Preprocess, shape: tuple[int, int, int]) -> tuple[GoldenInput, torch.Tensor]:
    """A picture that every kernel resizes to the same levels, or the last one tried if there is none.

    There may be none if nothing is cropped off, because the edges are never resized exactly.
    """
    for seed in range(_FIRST_SEED, _FIRST_SEED + _PICTURES):
        given = GoldenInput(name="image", dtype="uint8", shape=shape, seed=seed, low=0, high=255)
        picture = from_golden("", (given,)).inputs[0]
        if is_steady(preprocess, picture):
            break
    return given, picture


def is_steady(preprocess: Preprocess, picture: torch.Tensor) -> bool:
    """Whether each pixel of a [H, W, 3] uint8 picture is resized exactly, or to a value that is not close to a half."""
    exact = preprocess.cropped(picture, torch.float64)
    off_halves = (exact - exact.floor() - 0.5).abs() > _ROUNDING
    return bool((off_halves | (exact == preprocess.cropped(picture, torch.float32))).all())
