"""Exports of all image classifiers of torchvision at two sizes, or two batch sizes, and of a segmentation model."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torchvision import models

import edgekit
from edgekit.errors import ParityError
from edgekit.format.archive import Archive
from edgekit.parity.eager import exact_eager
from edgekit.pipeline import export_source
from edgekit.proving import ExportRequest
from edgekit.sources.inputs import parse_input
from edgekit.sources.resolve import load_source
from edgekit.sources.source import SourceRequest

pytestmark = pytest.mark.slow

CLASSIFIERS = [*models.list_models(models), *models.list_models(models.quantization)]
OTHER_SIZE = (1, 3, 160, 192)  # torchvision's own examples have 224 or more


def answer(module: Any, array: np.ndarray) -> np.ndarray | None:
    """The eager answer. None if the model refuses the shape."""
    try:
        with exact_eager():
            found: np.ndarray = module(torch.from_numpy(array)).numpy()
    except (RuntimeError, ValueError, AssertionError):
        return None
    return found


def package_for(name: str, shape: tuple[int, ...], made: Path) -> Path:
    """`made` if its manifest allows the shape, else an export with this shape."""
    with Archive(made) as archive:
        assert archive.manifest is not None
        if archive.manifest.methods[0].inputs[0].accepts(shape):
            return made
    inputs = [parse_input(f"{'x'.join(map(str, shape))}:float32[-2,2]")]
    options = ExportRequest(output=made.with_stem(f"{name}-other"), server=False)
    return export_source(name, SourceRequest(weights="random", inputs=inputs), options).package


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_export_classifier_is_right_at_two_sizes_or_unproven(tmp_path: Path, name: str) -> None:
    try:
        report = export_source(
            name, SourceRequest(weights="random"), ExportRequest(output=tmp_path / f"{name}.ptl", server=False)
        )
    except ParityError as error:
        # A network of integers with random weights may answer the same to everything.
        if name.startswith("quantized_") and "UNPROVEN" in str(error):
            return
        raise
    assert report.verdict.passed
    assert {method.name for method in report.manifest.methods} == {"forward", "predict"}
    source = load_source(name, SourceRequest(weights="random"))
    first = source.inputs[0].shape
    draw = np.random.default_rng(3)
    other = next(
        shape
        for shape in (OTHER_SIZE, (2, *first[1:]))
        if answer(source.module, draw.uniform(-2, 2, shape).astype(np.float32)) is not None
    )
    for shape in (first, other):
        array = draw.uniform(-2, 2, shape).astype(np.float32)
        expected = answer(source.module, array)
        assert expected is not None
        found = edgekit.load(package_for(name, shape, report.package)).run(array)["0"]
        assert found.shape == expected.shape
        bound = 4 * max(report.manifest.tolerance.max, report.manifest.parity.max_error)
        assert np.abs(found - expected).max() <= bound * np.abs(expected).max(), shape


def test_export_segmentation_model_with_inputs_is_within_the_gate(tmp_path: Path) -> None:
    request = SourceRequest(weights="random", inputs=[parse_input("1x3x128x128")])
    report = export_source("lraspp_mobilenet_v3_large", request, ExportRequest(output=tmp_path / "m.ptl"))
    assert report.verdict.passed
    assert [output.name for output in report.manifest.methods[0].outputs] == ["out"]
