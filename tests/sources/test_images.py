"""The image contract as a text, JSON, a file, timm's data config, or a torchvision transform."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn
from torchvision import models
from torchvision import transforms as old
from torchvision.transforms import InterpolationMode, v2

from edgekit.errors import UsageError
from edgekit.format.schema import ImageSpec
from edgekit.sources.images import as_image, image_text

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
IMAGENET = ImageSpec(resize=256, crop=224, mean=MEAN, std=STD)
FIELDS = {"resize": 256, "crop": 224, "mean": list(MEAN), "std": list(STD)}
TIMM = {"input_size": (3, 224, 224), "interpolation": "bilinear", "mean": MEAN, "std": STD, "crop_pct": 0.875}


@pytest.mark.parametrize(
    "text",
    [
        "resize=256,crop=224,mean=0.485/0.456/0.406,std=0.229/0.224/0.225",
        "resize=256,crop=224,mean=0.485,0.456,0.406,std=0.229,0.224,0.225",
        json.dumps(FIELDS),
        json.dumps({**TIMM, "num_classes": 1000}),
        json.dumps({"architecture": "resnet18", "pretrained_cfg": TIMM}),
    ],
)
def test_image_text_every_form_is_the_same_contract(text: str, tmp_path: Path) -> None:
    assert image_text(text) == IMAGENET
    (tmp_path / "image.txt").write_text(text + "\n")
    assert image_text(str(tmp_path / "image.txt")) == IMAGENET


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("resize=256,crop=224,mean=0.5", "std is missing"),
        ("resize=256,crop=224,mean=0.5,0.5,std=1", "2 numbers for 3 channels"),
        ("resize=0,crop=224,mean=0.5,std=1", "a value is out of range"),
        ("resize=2.5,crop=224,mean=0.5,std=1", "invalid literal"),
        ("resize=256,crop=224,mean=0.5,std=1,interpolation=lanczos", "a value is out of range"),
        ("size=256", "unknown field 'size'"),
        ('{"resize": 256', "is not valid JSON"),
        ('{"resize": 224.5, "crop": 224, "mean": 0, "std": 1}', "224.5 is not a whole number"),
        (json.dumps({**TIMM, "input_size": [3, 224, 256]}), "equal sides"),
        (json.dumps({**TIMM, "crop_mode": "squash"}), "crop_mode 'squash' cannot be expressed"),
        (json.dumps({**TIMM, "interpolation": "lanczos"}), "interpolation 'lanczos' cannot be expressed"),
        ("no-such-file.json", "neither a list of fields nor a file"),
    ],
)
def test_image_text_malformed_is_refused_with_the_field(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        image_text(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "text", ['{"pretrained_cfg": 5}', '{"image_processor": [1]}', '{"pretrained_cfg": {"image_processor": 5}}']
)
def test_image_text_whose_inner_fields_are_not_an_object_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"--image .*: a (int|list)\."):
        image_text(text)


TRANSFORMS: dict[str, tuple[Any, ImageSpec]] = {
    "v1": (
        old.Compose([old.Resize(256), old.CenterCrop(224), old.ToTensor(), old.Normalize(MEAN, STD)]),
        IMAGENET,
    ),
    "v2": (
        v2.Compose(
            [
                v2.ToImage(),
                v2.Resize([256], antialias=True),
                v2.Compose([v2.CenterCrop((224, 224)), v2.ToDtype(torch.float32, scale=True)]),
                v2.Normalize(MEAN, STD),
                v2.Identity(),
            ]
        ),
        IMAGENET,
    ),
    "sequential": (
        nn.Sequential(
            v2.Resize(40, InterpolationMode.BICUBIC, antialias=False),
            v2.CenterCrop(32),
            v2.ConvertImageDtype(torch.float32),
        ),
        ImageSpec(resize=40, crop=32, mean=(0.0,) * 3, std=(1.0,) * 3, interpolation="bicubic", antialias=False),
    ),
    "grey": (
        old.Compose([old.Grayscale(), old.Resize(28), old.CenterCrop(28), old.ToTensor(), old.Normalize([0.5], [0.5])]),
        ImageSpec(resize=28, crop=28, mean=(0.5,), std=(0.5,), channels=1),
    ),
    "preset": (
        models.EfficientNet_B1_Weights.IMAGENET1K_V1.transforms(),
        ImageSpec(resize=256, crop=240, mean=MEAN, std=STD, interpolation="bicubic"),
    ),
    "timm": ({**TIMM, "interpolation": "bicubic", "crop_pct": 0.9, "first_conv": "conv"}, None),
    "object": (SimpleNamespace(**TIMM, num_classes=5), IMAGENET),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_as_image_transform_or_config_becomes_the_contract(name: str) -> None:
    given, expected = TRANSFORMS[name]
    assert as_image(given) == (
        expected or ImageSpec(**{**FIELDS, "resize": 248, "interpolation": "bicubic"} | _tuples())
    )


def _tuples() -> dict[str, Any]:
    return {"mean": MEAN, "std": STD}


def test_as_image_transform_of_timm_is_taken() -> None:
    maybe = type("MaybeToTensor", (), {"__module__": "timm.data.transforms", "__call__": lambda _, image: image})()
    mean, std = torch.tensor(MEAN, dtype=torch.float64), torch.tensor(STD, dtype=torch.float64)
    steps = [old.Resize(256), old.CenterCrop((224, 224)), maybe, old.Normalize(mean, std)]
    assert as_image(old.Compose(steps)) == IMAGENET


class Brighter:
    def __call__(self, image: Any) -> Any:
        return image


_END = [old.ToTensor(), old.Normalize(MEAN, STD)]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (old.Compose([old.Resize((224, 224)), *_END]), "Resize((224, 224)) cannot be expressed"),
        (old.Compose([old.Resize(256, max_size=300), old.CenterCrop(224), *_END]), "Resize(256) cannot be expressed"),
        (old.Compose([old.Resize(256), old.CenterCrop((224, 200)), *_END]), "CenterCrop((224, 200)) cannot be"),
        (old.Compose([old.CenterCrop(224), *_END]), "a transform without Resize"),
        (old.Compose([old.Resize(256), old.CenterCrop(224)]), "a transform without ToTensor"),
        (old.Compose([old.Resize(256), old.RandomHorizontalFlip()]), "RandomHorizontalFlip cannot be expressed"),
        (old.Compose([old.Resize(256, InterpolationMode.NEAREST)]), "Resize with interpolation nearest"),
        (old.Compose([old.CenterCrop(300), old.Resize(256)]), "this order cannot be expressed"),
        (old.Compose([old.Resize(256), Brighter()]), "Brighter cannot be expressed"),
        (old.Compose([lambda image: image]), "<lambda> cannot be expressed"),
        (v2.Compose([v2.Resize(256), v2.ToDtype(torch.float32), v2.Normalize(MEAN, STD)]), "without scale"),
        (v2.Compose([v2.Resize(256), v2.Normalize(MEAN, STD)]), "Normalize here cannot be expressed"),
        (models.detection.FCOS_ResNet50_FPN_Weights.DEFAULT.transforms(), "ObjectDetection cannot be expressed"),
        (42, "image is an int"),
    ],
)
def test_as_image_step_that_predict_lacks_is_named(given: Any, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        as_image(given)
    assert message in str(caught.value)
    assert " at 0x" not in str(caught.value)


def test_as_image_without_a_crop_is_for_a_mask() -> None:
    preset = models.segmentation.FCN_ResNet50_Weights.DEFAULT.transforms()
    given = (preset, old.Compose([old.Resize(520), *_END]), f"resize=520,mean={MEAN[0]},std={STD[0]}")
    for each in map(as_image, given):
        assert (each.task, each.resize, each.interpolation) == ("mask", 520, "bilinear")
    assert as_image("resize=520,crop=480,mean=0,std=1").task == "labels"
