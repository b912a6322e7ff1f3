"""Packages of six kinds of models at random shapes: inside the ranges they agree with eager, and outside they are refused.

The shapes inside become golden cases of a copy of the package, so that each runtime runs them all in one process.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import models
import msgspec
import numpy as np
import pytest
import torch
import torchvision
from capture.test_sizes import SamePadding
from packages import edit_golden, rewrite
from parity.test_size_search import Lengths
from torch import nn

import edgekit
from edgekit.errors import UsageError
from edgekit.format.archive import Archive
from edgekit.format.axes import AxisRange
from edgekit.format.generator import generate
from edgekit.format.golden import GoldenInput
from edgekit.format.schema import Manifest
from edgekit.model import open_package
from edgekit.packaging.golden import golden_cases
from edgekit.parity.comparison import Reference
from edgekit.parity.eager import run
from edgekit.parity.probes import from_golden
from edgekit.runtimes.registry import resolve

INSIDE = 200
_MOST = 3 * 256 * 256  # elements of the inputs of a run, for the time that the runs take

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A package, and a copy whose golden cases are the eager model's answers at random sizes."""

    path: Path
    wide: Path
    manifest: Manifest


@pytest.fixture(scope="module", params=KINDS)
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    kind, folder = KINDS[request.param], tmp_path_factory.mktemp("shapes")
    torch.manual_seed(0)
    model, path = models.perturb_batchnorm(kind.factory()).eval(), folder / "m.ptl"
    manifest = edgekit.export(model, list(kind.inputs), output=path, server=False).manifest
    draw = random.Random(0)
    cases = [case_at(model, manifest, inside(manifest, draw), number) for number in range(INSIDE)]
    wide = rewrite(path, folder / "wide.ptl", edit_golden(lambda g: g.update(cases=cases)), remake_digests=True)
    return Exported(path=path, wide=wide, manifest=manifest)


@pytest.mark.slow
@pytest.mark.parametrize("runtime", ["lite", "native", "android"])
def test_random_shapes_inside_the_ranges_agree_and_others_are_refused(exported: Exported, runtime: str) -> None:
    with Archive(exported.wide) as archive:
        found = resolve(runtime).verify(archive)
    assert [result for result in found if not result.comparison.passed] == []
    assert len({result.case for result in found}) == INSIDE
    run_outside = refusing(runtime, exported.path)
    for sizes in outside(exported.manifest):
        with pytest.raises(UsageError, match="expected"):
            run_outside([generate(given) for given in inputs_at(exported.manifest, sizes, 0)])


def case_at(model: nn.Module, manifest: Manifest, sizes: Sizes, number: int) -> dict[str, object]:
    """The eager model's answer at some sizes, as a golden case."""
    probe = from_golden(f"seed {number}", inputs_at(manifest, sizes, number))
    structure, outputs = run(model, probe)
    (case,) = golden_cases([Reference(probe=probe, structure=structure, outputs=outputs)], manifest.tolerance)
    converted: dict[str, object] = msgspec.to_builtins(case)
    return converted


def refusing(runtime: str, path: Path) -> Callable[[Arrays], object]:
    """What refuses wrong sizes: Python's reader of packages, else the reader in the runtime's program."""
    if runtime == "lite":
        return open_package(path, runtime).run
    program = resolve(runtime, "run")
    return lambda arrays: program.run(path, "forward", arrays)


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


def inputs_at(manifest: Manifest, sizes: Sizes, seed: int) -> tuple[GoldenInput, ...]:
    return tuple(
        GoldenInput(name=spec.name, dtype=spec.dtype, shape=shape, seed=seed, low=spec.low or 0, high=spec.high or 0)
        for spec, shape in zip(manifest.methods[0].inputs, sizes, strict=True)
    )
