"""Models by name."""

import subprocess
import sys
from pathlib import Path

import pytest
import torchvision
from cli.command import environment
from torchvision import models
from torchvision.models import _api

from edgekit.errors import SourceError, UsageError
from edgekit.sources import names
from edgekit.sources.carried import CARRIED
from edgekit.sources.inputs import parse_input
from edgekit.sources.names import _image_of, from_name, known_models
from edgekit.sources.resolve import load_source
from edgekit.sources.source import SourceRequest


def test_load_source_random_weights_download_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """By default, torchvision's segmentation and detection models download a pretrained backbone, even without weights."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a download")

    monkeypatch.setattr(_api, "load_state_dict_from_url", refuse)
    request = SourceRequest(weights="random", inputs=[parse_input("1x3x64x64")])
    assert load_source("lraspp_mobilenet_v3_large", request).weights.kind == "random"


def test_from_name_quantized_at_export_has_forward_alone() -> None:
    request = SourceRequest(weights="random", methods={"features": [parse_input("1x3x224x224")]})
    with pytest.raises(UsageError, match="is quantized at export, so only forward can be exported"):
        from_name("quantized_mobilenet_v2", request)


def test_known_models_have_a_task_and_the_input_that_export_takes() -> None:
    found = {model.name: (model.task, model.inputs, model.parameters) for model in known_models()}
    assert len(found) > 100
    assert found["resnet18"] == ("classification", ("1x3x224x224",), 11689512)
    assert found["efficientnet_b1"][1] == ("1x3x240x240",)
    assert found["quantized_resnet18"][0] == "classification, quantized"
    assert found["deeplabv3_resnet50"][:2] == ("segmentation", ("1x3x256x256",))
    assert found["r3d_18"][:2] == ("video", ("1x3x16x112x112",))
    assert found["raft_small"][:2] == ("optical flow", ("1x3x128x128", "1x3x128x128"))
    assert found["ssd300_vgg16"][:2] == ("detection", ("3x300x300",))
    assert found["fcos_resnet50_fpn"][:2] == ("detection", ("3x800x800",))


def test_from_name_segmentation_needs_no_input() -> None:
    source = from_name("lraspp_mobilenet_v3_large", SourceRequest(weights="random"))
    assert source.inputs[0].shape == (1, 3, 256, 256)


def test_from_name_optical_flow_takes_two_pictures() -> None:
    source = from_name("raft_small", SourceRequest(weights="random"))
    assert [(spec.name, spec.shape, spec.low, spec.high) for spec in source.inputs] == [
        ("image1", (1, 3, 128, 128), -1, 1),
        ("image2", (1, 3, 128, 128), -1, 1),
    ]


def test_from_name_without_a_default_input_asks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "_default_shapes", lambda *_: ())
    with pytest.raises(UsageError, match=r"raft_small has no default input\. Add one --input for each"):
        from_name("raft_small", SourceRequest(weights="random"))


def test_from_name_detector_of_a_batch_is_refused_before_it_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torchvision.models, "get_model", None)
    request = SourceRequest(weights="random", inputs=[parse_input("1x3x320x320")])
    with pytest.raises(
        UsageError, match="ssdlite320_mobilenet_v3_large is a detector, so its package takes one picture"
    ):
        load_source("ssdlite320_mobilenet_v3_large", request)


@pytest.mark.parametrize(
    ("name", "weights", "resize", "crop"),
    [
        ("resnet50", "IMAGENET1K_V1", 256, 224),
        ("resnet50", "default", 232, 224),
        ("vit_b_16", "IMAGENET1K_V1", 256, 224),
        ("vit_b_16", "IMAGENET1K_SWAG_E2E_V1", 384, 384),
    ],
)
def test_from_name_has_the_sizes_of_the_weights_that_were_asked_for(
    name: str, weights: str, resize: int, crop: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"image_size": crop} if name.startswith("vit") else {}
    state = torchvision.models.get_model(name, weights=None, **options).state_dict()
    monkeypatch.setattr(names, "download", lambda _: state)
    source = from_name(name, SourceRequest(weights=weights))
    assert source.image is not None
    assert (source.image.resize, source.image.crop) == (resize, crop)
    assert source.inputs[0].shape == (1, 3, crop, crop)


@pytest.mark.parametrize(("given", "side"), [((), 518), (("1x3x56x56",), 56)])
def test_vision_transformer_is_built_for_its_input(given: tuple[str, ...], side: int) -> None:
    request = SourceRequest(weights="random", inputs=tuple(map(parse_input, given)))
    assert names._vit_side("vit_h_14", models.ViT_H_14_Weights.DEFAULT, request) == side
    assert names._build("vit_b_32", 0, 64).image_size == 64


BLOCKED = """
import sys
sys.modules["torchvision"] = None  # as if it were not installed
from edgekit.cli.main import main
net = ["export", "net.py:net", "--input", "1x3"]
codes = [main(words) for words in (net, ["verify", "build/mobile/net/net.ptl"], ["export", "resnet18"], ["models"])]
assert codes == [0, 0, 3, 0], codes
"""


def test_torchvision_is_needed_only_for_its_names(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text("from torch import nn\ndef net():\n    return nn.Linear(3, 4)\n")
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED], cwd=tmp_path, env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    remedy = "a name needs torchvision, which is not installed. Run pip install torchvision, or pass FILE.py:FACTORY."
    assert f"edgekit: resnet18: {remedy}\n" in done.stderr
    assert f"edgekit: its models: {remedy}\n" in done.stderr
    assert "Traceback" not in done.stderr
    assert next(iter(CARRIED)) in done.stdout
    assert "resnet18" not in done.stdout.split()


@pytest.mark.parametrize("error", [RuntimeError("operator torchvision::nms does not exist"), OSError("no libc10.so")])
def test_torchvision_of_another_torch_is_a_source_error(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_name: str) -> None:
        raise error

    monkeypatch.delattr(torchvision, "models")
    monkeypatch.delitem(sys.modules, "torchvision.models")
    monkeypatch.setattr(torchvision, "__getattr__", broken, raising=False)
    with pytest.raises(SourceError, match=rf"^resnet18: torchvision does not load beside torch 2.*{error}.*same index"):
        load_source("resnet18", SourceRequest())


@pytest.mark.parametrize(("name", "count"), [("ssd300_vgg16", 91), ("keypointrcnn_resnet50_fpn", 2)])
def test_detector_by_name_has_the_categories_of_its_weights(name: str, count: int) -> None:
    from torchvision.models import get_model_weights

    image, labels = _image_of(get_model_weights(name).DEFAULT)
    assert image is None  # the detector's own transform is its contract
    assert len(labels) == count
    assert labels[1] == "person"
