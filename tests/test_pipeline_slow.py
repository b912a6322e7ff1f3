"""Exports of common models of torchvision."""

from pathlib import Path

import pytest

from edgekit.pipeline import ExportRequest, export_source
from edgekit.sources.inputs import parse_input
from edgekit.sources.source import SourceRequest

MODELS = [
    "mobilenet_v2",
    "mobilenet_v3_small",
    "mobilenet_v3_large",
    "resnet18",
    "resnet50",
    "efficientnet_b0",
    "squeezenet1_1",
    "shufflenet_v2_x1_0",
    "swin_v2_t",
    "vit_b_16",
    "densenet121",
    "inception_v3",
    "quantized_resnet18",
]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", MODELS)
def test_export_zoo_model_is_within_the_gate(tmp_path: Path, name: str, seed: int) -> None:
    request = SourceRequest(weights="random", seed=seed)
    report = export_source(name, request, ExportRequest(output=tmp_path / f"{name}.ptl"))
    assert report.verdict.passed
    assert report.manifest.parity.norm_error <= 1e-5
    assert {method.name for method in report.manifest.methods} == {"forward", "predict"}
    left_out = {part for step in report.manifest.recipe.passes for part in step.left_out}
    assert left_out == ({"INSERT_FOLD_PREPACK_OPS"} if name == "swin_v2_t" else set())


@pytest.mark.slow
def test_export_segmentation_model_with_inputs_is_within_the_gate(tmp_path: Path) -> None:
    request = SourceRequest(weights="random", inputs=[parse_input("1x3x128x128")])
    report = export_source("lraspp_mobilenet_v3_large", request, ExportRequest(output=tmp_path / "m.ptl"))
    assert report.manifest.parity.norm_error <= 1e-5
    assert [output.name for output in report.manifest.methods[0].outputs] == ["out"]
