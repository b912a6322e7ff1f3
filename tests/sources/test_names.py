"""Models by name."""

import pytest
import torchvision
from torchvision import models
from torchvision.models import _api

from edgekit.errors import SourceError, UsageError
from edgekit.sources import names
from edgekit.sources.inputs import parse_input
from edgekit.sources.names import from_name, known_models
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
    found = {model.name: (model.task, model.input, model.parameters) for model in known_models()}
    assert len(found) > 100
    assert found["resnet18"] == ("classification", "1x3x224x224", 11689512)
    assert found["efficientnet_b1"][1] == "1x3x240x240"
    assert found["quantized_resnet18"][0] == "classification, quantized"
    assert found["deeplabv3_resnet50"][:2] == ("segmentation", "1x3x256x256")
    assert found["r3d_18"][:2] == ("video", "1x3x16x112x112")
    assert found["raft_small"][:2] == ("optical flow", "")
    assert found["ssd300_vgg16"][:2] == ("detection", "")


def test_from_name_segmentation_needs_no_input() -> None:
    source = from_name("lraspp_mobilenet_v3_large", SourceRequest(weights="random"))
    assert source.inputs[0].shape == (1, 3, 256, 256)


def test_from_name_without_a_default_input_asks_for_it() -> None:
    with pytest.raises(UsageError, match=r"raft_small has no default input\. Add one --input for each"):
        from_name("raft_small", SourceRequest(weights="random"))


def test_from_name_detector_is_refused_before_it_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torchvision.models, "get_model", None)
    request = SourceRequest(weights="random", inputs=[parse_input("1x3x320x320")])
    with pytest.raises(SourceError, match="ssdlite320_mobilenet_v3_large is a detector: it takes a list of pictures"):
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
