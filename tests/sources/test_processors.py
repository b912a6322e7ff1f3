"""The image contract from the settings of Hugging Face's image processors, and from transforms that timm makes."""

import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from edgekit.errors import UsageError
from edgekit.format.schema import ImageSpec
from edgekit.parity.preprocess import Preprocess
from edgekit.sources.images import as_image, image_text

MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
CLIP: dict[str, Any] = {
    "crop_size": {"height": 224, "width": 224},
    "do_center_crop": True,
    "do_convert_rgb": True,
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "image_mean": list(MEAN),
    "image_processor_type": "CLIPImageProcessor",
    "image_std": list(STD),
    "resample": 3,
    "rescale_factor": 0.00392156862745098,
    "size": {"shortest_edge": 224, "longest_edge": None},
}
SPEC = ImageSpec(resize=224, crop=224, mean=MEAN, std=STD, interpolation="bicubic")


def without(*names: str) -> dict[str, Any]:
    return {key: value for key, value in CLIP.items() if key not in names}


@pytest.mark.parametrize("config", [CLIP, {"image_processor": CLIP}, {**CLIP, "crop_size": 224, "do_pad": False}])
def test_processor_file_becomes_the_contract(
    config: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "preprocessor_config.json"
    file.write_text(json.dumps(config, indent=2))
    assert image_text(str(file)) == SPEC
    assert "one pixel further to the right or the bottom" in caplog.text


def test_processor_object_is_taken_by_its_settings() -> None:
    processor = SimpleNamespace(image_mean=MEAN, to_dict=lambda: CLIP)
    assert as_image(processor) == SPEC


@pytest.mark.parametrize(
    ("config", "mean", "std"),
    [
        ({**CLIP, "rescale_factor": 1 / 127.5, "image_mean": [1.0], "image_std": [1.0]}, (0.5,) * 3, (0.5,) * 3),
        ({**CLIP, "do_rescale": False, "image_mean": 127.5, "image_std": 51.0}, (0.5,) * 3, (0.2,) * 3),
        ({**CLIP, "do_normalize": False}, (0.0,) * 3, (1.0,) * 3),
        (without("do_rescale", "rescale_factor"), MEAN, STD),
    ],
)
def test_processor_levels_become_those_of_predict(
    config: dict[str, Any], mean: tuple[float, ...], std: tuple[float, ...]
) -> None:
    found = as_image(config)
    assert (found.mean, found.std) == (pytest.approx(mean), pytest.approx(std))


def test_processor_without_a_crop_is_for_a_mask() -> None:
    found = as_image({**without("crop_size"), "do_center_crop": False, "size": {"shortest_edge": 512}})
    assert (found.task, found.resize) == ("mask", 512)


def test_processor_of_convnext_resizes_to_more_than_its_size() -> None:
    convnext = {**without("do_center_crop", "crop_size"), "image_processor_type": "ConvNextImageProcessor"}
    found = as_image({**convnext, "crop_pct": 0.875})
    assert (found.resize, found.crop) == (256, 224)
    with pytest.raises(UsageError, match="ConvNeXt's size of 384 cannot be expressed"):
        as_image({**convnext, "crop_pct": 0.875, "size": {"shortest_edge": 384}})


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({**CLIP, "size": {"height": 224, "width": 224}}, "size {'height': 224, 'width': 224} cannot be expressed"),
        ({**CLIP, "size": {"shortest_edge": 480, "longest_edge": 640}}, "keeps the ratio, as shortest_edge alone does"),
        ({**CLIP, "size": 224}, 'Write size as {"shortest_edge": N}'),
        (without("size"), "size is missing"),
        ({**CLIP, "resample": 1}, "resample 1 (lanczos) cannot be expressed"),
        ({**CLIP, "resample": 9}, "resample 9 (9) cannot be expressed"),
        (without("resample"), "resample is missing in the settings of the image processor"),
        ({**CLIP, "crop_size": {"height": 224, "width": 192}}, "predict crops a square"),
        (without("do_center_crop"), "do_center_crop is missing beside crop_size"),
        ({**CLIP, "do_resize": False}, "do_resize false cannot be expressed"),
        ({**CLIP, "do_pad": True}, "do_pad cannot be expressed"),
        ({**CLIP, "do_flip_channel_order": True}, "do_flip_channel_order cannot be expressed"),
        ({**CLIP, "rescale_offset": True}, "rescale_offset cannot be expressed"),
        ({**CLIP, "rescale_factor": 0}, "rescale_factor is 0; expected a number above 0"),
        ({**CLIP, "crop_pct": 0.9}, "crop_pct of CLIPImageProcessor cannot be expressed"),
        ({**CLIP, "image_processor_type": "LevitImageProcessor"}, "LevitImageProcessor cannot be expressed"),
        (without("image_std"), "image_std is missing"),
        ({**CLIP, "image_mean": [0.5, 0.5]}, "2 numbers for 3 channels"),
        ({**CLIP, "size": {"shortest_edge": "large"}}, "invalid literal"),
    ],
)
def test_processor_setting_that_predict_lacks_is_named(config: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        as_image(config)
    assert message in str(caught.value)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:::transformers")  # its own deprecations
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("CLIPImageProcessor", {}),
        ("CLIPImageProcessor", {"rescale_factor": 1 / 127.5, "image_mean": [1.0] * 3, "image_std": [1.0] * 3}),
        ("ConvNextImageProcessor", {"size": {"shortest_edge": 224}}),
        ("BitImageProcessor", {}),
    ],
)
def test_real_processor_gives_what_predict_computes(name: str, options: dict[str, Any]) -> None:
    transformers = pytest.importorskip("transformers", reason="make test-exhaustive installs it")
    processor = getattr(transformers, name)(**options)
    # Without black and white: between its two passes, torchvision's bicubic kernel for bytes cuts levels off.
    picture = torch.randint(64, 192, (300, 448, 3), dtype=torch.uint8, generator=torch.manual_seed(0))
    theirs = processor(picture.permute(2, 0, 1), return_tensors="pt")["pixel_values"]
    spec = as_image(processor)
    level = 1.0 / 255.0 / min(spec.std)  # torchvision's kernel for bytes may round to another one
    assert float((Preprocess(spec)(picture) - theirs).abs().max()) < 1.01 * level


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bilinear", "bicubic"])
def test_real_transform_of_timm_gives_what_predict_computes(name: str) -> None:
    create = pytest.importorskip("timm.data", reason="make test-exhaustive installs it").create_transform
    transform = create(input_size=(3, 224, 224), interpolation=name, mean=MEAN, std=STD, crop_pct=0.9)
    spec = as_image(transform)
    assert (spec.resize, spec.crop, spec.interpolation) == (math.floor(224 / 0.9), 224, name)
    picture = torch.randint(0, 256, (300, 450, 3), dtype=torch.uint8, generator=torch.manual_seed(0))
    resize, crop, _, normalize = (
        transform.transforms
    )  # the third one scales pictures of PIL, and leaves tensors as they are
    theirs = normalize(crop(resize(picture.permute(2, 0, 1))) / 255.0)
    assert torch.allclose(Preprocess(spec)(picture)[0], theirs, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"crop_mode": "squash"}, r"Resize\(\(248, 248\)\) cannot be expressed"),
        ({"crop_mode": "border"}, "ResizeKeepRatio cannot be expressed"),
        ({"crop_border_pixels": 4}, "TrimBorder cannot be expressed"),
        ({"normalize": False}, "MaybePILToTensor cannot be expressed"),
        ({"is_training": True}, "RandomResizedCropAndInterpolation cannot be expressed"),
        ({"interpolation": "lanczos"}, "interpolation lanczos"),
    ],
)
def test_transform_of_timm_that_predict_lacks_is_named(options: dict[str, Any], message: str) -> None:
    create = pytest.importorskip("timm.data", reason="make test-exhaustive installs it").create_transform
    with pytest.raises(UsageError, match=message):
        as_image(create(**{"input_size": (3, 224, 224), "crop_pct": 0.9, **options}))
