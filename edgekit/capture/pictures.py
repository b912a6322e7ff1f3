"""The eager model's answers to pictures: what the golden cases of `predict` are made of."""

from dataclasses import dataclass

import torch

from edgekit.format.golden import GoldenInput
from edgekit.nested import named_tensors
from edgekit.parity.comparison import Reference
from edgekit.parity.eager import exact_eager
from edgekit.parity.noise import NoiseMeter
from edgekit.parity.preprocess import Preprocess
from edgekit.parity.probes import Probe, from_golden
from edgekit.parity.ranking import Ranking
from edgekit.sources.copies import detached_copy
from edgekit.sources.source import SourceModel

_FIRST_SEED, _PICTURES = 21, 32
_ROUNDING = 5e-4  # in levels of a pixel; the largest error seen in float32 kernels is 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture as the generator makes it, and the eager model's answer to it after preprocessing: the ranked output alone."""

    given: GoldenInput
    answer: Reference


def pictures_of(source: SourceModel, ranking: Ranking, meter: NoiseMeter | None) -> tuple[Picture, ...]:
    """One picture that is halved, one that is only cropped, and one that is doubled.

    With these factors, most pixels are resized exactly. With others, about one pixel in 100,000 lies so close to a half that
    a kernel with fused multiply-add rounds it to another level. A device that works correctly would fail on it.
    """
    image = ranking.image
    preprocess, module = Preprocess(image), detached_copy(source.module)
    shapes = (
        (2 * image.resize, 2 * image.resize + 90, 3),
        (image.resize + 64, image.resize, 3),
        ((image.resize + 1) // 2, (image.resize + 1) // 2 + 27, 3),
    )
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
