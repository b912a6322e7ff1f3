"""Packages of six kinds of models at random shapes: inside the ranges they agree with eager, and outside they are refused."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import models
import numpy as np
import pytest
import torch
import torchvision
from capture.test_sizes import SamePadding
from parity.test_size_search import Lengths
from torch import nn

import edgekit
from edgekit.errors import UsageError
from edgekit.format.axes import AxisRange
from edgekit.format.schema import Manifest
from edgekit.model import open_package
from edgekit.runtimes.registry import resolve

INSIDE = 200
_MOST = 3 * 256 * 256  # elements of the inputs of a run, since native starts a process for each

Arrays = list[np.ndarray]
Sizes = list[tuple[int, ...]]


class Encoder(nn.Module):
    """Token ids and a padding mask to one vector per text."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.positions = nn.Embedding(100, 32), nn.Embedding(64, 32)
        self.layers = nn.TransformerEncoder(nn.TransformerEncoderLayer(32, 4, 64, batch_first=True), 2)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        x = self.table(ids) + self.positions(torch.arange(ids.shape[1], device=ids.device))
        weights = mask.to(x.dtype).unsqueeze(-1)
        return (self.layers(x * weights) * weights).sum(1)


def segmenter() -> nn.Module:
    return torchvision.models.segmentation.lraspp_mobilenet_v3_large(weights=None, weights_backbone=None)


def swin() -> nn.Module:
    return torchvision.models.SwinTransformer([4, 4], 24, [2, 2], [2, 4], [7, 7], num_classes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    factory: Callable[[], nn.Module]
    inputs: tuple[str, ...]


KINDS = {
    "cnn": Kind(factory=torchvision.models.resnet18, inputs=("1x3x64x64",)),
    "tensorflow padding": Kind(factory=SamePadding, inputs=("1x3x64x64",)),
    "swin": Kind(factory=swin, inputs=("1x3x56x56",)),
    "lstm with lengths": Kind(factory=Lengths, inputs=("3x10x8", "3:int64[1,10]")),
    "segmenter": Kind(factory=segmenter, inputs=("1x3x64x64",)),
    "text encoder": Kind(factory=Encoder, inputs=("2x16:int64[0,99]", "2x16:int64[0,1]")),
}


@pytest.fixture(scope="module", params=KINDS)
def exported(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[nn.Module, Path, Manifest]:
    kind = KINDS[request.param]
    torch.manual_seed(0)
    model = models.perturb_batchnorm(kind.factory()).eval()
    path = tmp_path_factory.mktemp("shapes") / "m.ptl"
    return model, path, edgekit.export(model, list(kind.inputs), output=path, server=False).manifest


@pytest.mark.slow
@pytest.mark.parametrize("runtime", ["lite", "native"])
def test_random_shapes_inside_the_ranges_agree_and_others_are_refused(
    exported: tuple[nn.Module, Path, Manifest], runtime: str
) -> None:
    model, path, manifest = exported
    assert not resolve(runtime, "run").missing()
    package, draw = open_package(path, runtime), random.Random(0)
    for number in range(INSIDE):
        sizes = inside(manifest, draw)
        arrays = arrays_of(manifest, sizes, number)
        expected = eager(model, arrays)
        for name, value in package.run(arrays).items():
            scale = max(float(np.abs(expected[name]).max()), 1e-3)  # a text with an empty mask gives zeros
            assert np.abs(value - expected[name]).max() <= manifest.tolerance.max * scale, sizes
    for sizes in outside(manifest):
        with pytest.raises(UsageError, match="expected"):
            package.run(arrays_of(manifest, sizes, 0))


def inside(manifest: Manifest, draw: random.Random) -> Sizes:
    """Random sizes that the manifest allows, of inputs that are not too large; equal where they must be."""
    while True:
        chosen: dict[str, int] = {}
        sizes = [tuple(_drawn(axis, draw, chosen) for axis in spec.shape) for spec in manifest.methods[0].inputs]
        if sum(map(np.prod, sizes)) <= _MOST:
            return sizes


def _drawn(axis: int | AxisRange | None, draw: random.Random, chosen: dict[str, int]) -> int:
    if not isinstance(axis, AxisRange):
        assert axis is not None  # no input of forward lacks a range
        return axis
    ends = draw.choice([axis.min, axis.max, None, None, None, None])
    size = ends or draw.randint(axis.min // axis.multiple, axis.max // axis.multiple) * axis.multiple
    return size if axis.symbol is None else chosen.setdefault(axis.symbol, size)


def outside(manifest: Manifest) -> list[Sizes]:
    """Sizes next to each end of each range, between multiples, and unequal ones."""
    specs = manifest.methods[0].inputs
    smallest = [tuple(axis.min if isinstance(axis, AxisRange) else axis or 0 for axis in spec.shape) for spec in specs]
    found = []
    for index, spec in enumerate(specs):
        for position, axis in enumerate(spec.shape):
            wrong = [axis + 1] if isinstance(axis, int) else []
            if isinstance(axis, AxisRange):
                wrong = [axis.min - axis.multiple, axis.max + axis.multiple]
                wrong += [axis.min + 1] if axis.multiple > 1 else []
                wrong += [axis.max] if axis.symbol is not None else []  # and the smallest size for its partner
                wrong = [size for size in wrong if size > 0]
            for size in wrong:
                shape = (*smallest[index][:position], size, *smallest[index][position + 1 :])
                found.append([*smallest[:index], shape, *smallest[index + 1 :]])
    return found


def arrays_of(manifest: Manifest, sizes: Sizes, seed: int) -> Arrays:
    draw = np.random.default_rng(seed)
    arrays = []
    for spec, shape in zip(manifest.methods[0].inputs, sizes, strict=True):
        low, high = spec.low or 0, spec.high or 0
        floats = spec.dtype.startswith("float")
        values = draw.uniform(low, high, shape) if floats else draw.integers(int(low), int(high) + 1, shape)
        arrays.append(values.astype(spec.dtype))
    return arrays


def eager(model: nn.Module, arrays: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    with torch.no_grad():
        value = model(*map(torch.from_numpy, arrays))
    return {name: tensor.numpy() for name, tensor in (value.items() if isinstance(value, dict) else [("0", value)])}
