"""Exports models of Hugging Face's transformers from their config classes, by the names of their inputs alone.

Each is right at three shapes, and in Android's library. `make test-exhaustive` installs transformers and builds the library.
"""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hub_models import MODELS, HubModel

import edgekit
from edgekit.format.axes import Axis, AxisRange
from edgekit.format.generator import generate
from edgekit.format.schema import NOISE_CAP, MethodSpec
from edgekit.parity.eager import exact_eager
from edgekit.runtimes.android import AndroidRuntime
from edgekit.runtimes.compat import ANDROID

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:::transformers"),  # its own deprecations
]


def shapes_of(row: HubModel, method: MethodSpec) -> list[tuple[tuple[int, ...], ...]]:
    """The example's shapes, the smallest, and some between it and the largest. Equal axes get equal sizes."""
    examples = {spec.name: spec.shape for spec in row.specs}
    found = [tuple(examples[spec.name] for spec in method.inputs)]
    for part in (0.0, 0.6):
        found.append(tuple(tuple(_size(axis, part) for axis in spec.shape) for spec in method.inputs))
    return found


def _size(axis: Axis, part: float) -> int:
    if isinstance(axis, AxisRange):
        return axis.min + int((axis.max - axis.min) // axis.multiple * part) * axis.multiple
    assert axis is not None
    return axis


def inputs_at(row: HubModel, method: MethodSpec, shapes: tuple[tuple[int, ...], ...]) -> dict[str, torch.Tensor]:
    specs = {spec.name: spec for spec in row.specs}
    given = enumerate(zip(method.inputs, shapes, strict=True))
    return {i.name: torch.from_numpy(generate(specs[i.name].golden(7 + at, shape))) for at, (i, shape) in given}


def part_of(answer: Any, name: str) -> torch.Tensor:
    """A part of the eager model's answer by its flattened name."""
    if isinstance(answer, torch.Tensor):
        return answer
    key, _, rest = name.partition(".")
    if isinstance(answer, Mapping):
        return part_of(answer[key], rest)
    return part_of(answer[int(key)] if isinstance(answer, tuple | list) else getattr(answer, key), rest)


@pytest.mark.parametrize("row", MODELS, ids=lambda row: row.label)
def test_export_model_of_the_hub_is_right_at_three_shapes_and_on_android(row: HubModel, tmp_path: Path) -> None:
    pytest.importorskip("transformers", reason="make test-exhaustive installs it")
    model = row.make()
    given = dict(text.split("=", 1) for text in row.inputs)
    report = edgekit.export(model, given, output=tmp_path / "m.ptl", bind=row.bind, fit="android", server=False)
    assert report.verdict.passed
    reason = report.manifest.capture.reason
    assert row.pinned in reason if row.pinned else "pins" not in reason, reason

    (method,) = report.manifest.methods
    shapes = shapes_of(row, method)
    assert len(set(shapes)) > 1
    loaded = edgekit.load(report.package)
    noise = max(probe.noise or 0.0 for probe in report.manifest.capture.probes)
    bound = min(max(1e-4, 4 * noise), NOISE_CAP)
    for at in shapes:
        inputs = inputs_at(row, method, at)
        with torch.no_grad(), exact_eager():
            answer = copy.deepcopy(model)(**inputs, **row.bind)  # some layers keep what they saw
        found = loaded.run([tensor.numpy() for tensor in inputs.values()])
        for name, value in found.items():
            expected = part_of(answer, name).numpy()
            scale = float(np.abs(expected).max())
            assert value.shape == expected.shape, (at, name)
            assert np.abs(value - expected).max() <= bound * scale, (at, name)

    assert ANDROID in report.manifest.fits
    if not AndroidRuntime().missing():
        assert edgekit.verify(report.package, ["android"]).passed
