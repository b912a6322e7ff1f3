"""Packages that many tests read, exported once a session (once a worker under xdist); none may write to them."""

from pathlib import Path

import pytest

import edgekit
from edgekit.spec import ImageSpec
from tests.models import DynamicModel, TwoInputs, conv_net

ROOT = Path(__file__).parent.parent
LABELS = ("ant", "bee", "cat", "dög", "eel")
IMAGE = ImageSpec(resize=40, crop=32, mean=(0.5, 0.4, 0.3), std=(0.2, 0.25, 0.3))


@pytest.fixture(scope="session")
def image_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small ConvNet with `predict` and labels; its weights are embedded."""
    folder = tmp_path_factory.mktemp("image")
    model = conv_net().eval()
    return edgekit.export(
        model, ("1x3x32x32",), name="conv_net", image=IMAGE, labels=LABELS, output=folder / "conv_net.ptl"
    ).package


@pytest.fixture(scope="session")
def dict_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two inputs by name, and two outputs in a dict."""
    folder = tmp_path_factory.mktemp("dict")
    inputs = ("ids=1x6:int64[0,49]", "mask=1x6:float32[0,1]")
    return edgekit.export(TwoInputs(), inputs, name="two_inputs", output=folder / "two_inputs.ptl").package


@pytest.fixture(scope="session")
def vector_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One vector in, one out, no image."""
    folder = tmp_path_factory.mktemp("vector")
    return edgekit.export(DynamicModel(), ("4",), name="dynamic", output=folder / "dynamic.ptl").package
