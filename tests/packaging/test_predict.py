"""edgekit.packaging.predict agrees with torchvision's `weights.transforms()` on real photographs."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import models
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_sample_images
from torch import nn
from torchvision import transforms
from torchvision.models import EfficientNet_B0_Weights, ResNet18_Weights
from torchvision.transforms._presets import ImageClassification

import edgekit
from edgekit.format.schema import ImageSpec
from edgekit.parity.preprocess import Preprocess

Pixels = NDArray[np.uint8]

# Height, width: landscape, portrait, square, odd, elongated, exactly the sizes of resize and crop, smaller than the crop.
SIZES = (
    *((427, 640), (640, 427), (400, 400), (333, 517), (255, 257), (300, 80), (96, 420)),
    *((256, 256), (256, 300), (300, 256), (224, 224), (100, 151), (61, 40), (9, 7), (1, 1)),
)
WEIGHTS = {"bilinear": ResNet18_Weights.IMAGENET1K_V1, "bicubic": EfficientNet_B0_Weights.IMAGENET1K_V1}


@cache
def photographs() -> tuple[Pixels, ...]:
    """scikit-learn's china.jpg and flower.jpg, [427, 640, 3]."""
    return tuple(np.asarray(image, dtype=np.uint8) for image in load_sample_images().images)


def pictures() -> Iterator[Pixels]:
    """Both photographs at every size: cropped if they are large enough, and repeated if they are not."""
    for index, photograph in enumerate(photographs()):
        for height, width in SIZES:
            rows, columns = -(-height // photograph.shape[0]), -(-width // photograph.shape[1])
            tiled = np.tile(photograph, (rows, columns, 1))
            top, left = (tiled.shape[0] - height) // (index + 2), (tiled.shape[1] - width) // 3
            yield np.ascontiguousarray(tiled[top : top + height, left : left + width])


def spec_of(preset: ImageClassification, channels: int = 3) -> ImageSpec:
    return ImageSpec(
        resize=preset.resize_size[0],
        crop=preset.crop_size[0],
        mean=tuple(preset.mean)[:channels],
        std=tuple(preset.std)[:channels],
        interpolation=preset.interpolation.value,
        antialias=bool(preset.antialias),
        channels=channels,
    )


def worst_difference(
    ours: Callable[[torch.Tensor], torch.Tensor], theirs: Callable[[Pixels], torch.Tensor], images: Iterator[Pixels]
) -> float:
    """The largest difference over all pictures, or infinity if a shape differs."""
    worst = 0.0
    for image in images:
        a, b = ours(torch.from_numpy(image)), theirs(image)
        if a.shape != b.shape or a.dtype != b.dtype:
            return float("inf")
        worst = max(worst, float((a - b).abs().max()))
    return worst


def tensor_path(preset: Callable[..., torch.Tensor]) -> Callable[[Pixels], torch.Tensor]:
    return lambda image: preset(torch.from_numpy(image).permute(2, 0, 1).unsqueeze(0))


def pil_path(preset: Callable[..., torch.Tensor]) -> Callable[[Pixels], torch.Tensor]:
    return lambda image: preset(Image.fromarray(image)).unsqueeze(0)


@pytest.mark.parametrize("interpolation", WEIGHTS)
def test_preprocess_tensor_path_is_exact(interpolation: str) -> None:
    preset = WEIGHTS[interpolation].transforms()
    assert preset.interpolation.value == interpolation
    ours, theirs = Preprocess(spec_of(preset)), tensor_path(preset)
    for image in pictures():
        assert torch.equal(ours(torch.from_numpy(image)), theirs(image)), image.shape


def levels(preset: ImageClassification) -> tuple[Preprocess, ImageClassification]:
    """Both sides without normalization, so that a difference of 1/255 is one grey level."""
    plain = ImageClassification(
        crop_size=preset.crop_size[0],
        resize_size=preset.resize_size[0],
        mean=(0.0,) * 3,
        std=(1.0,) * 3,
        interpolation=preset.interpolation,
        antialias=preset.antialias,
    )
    return Preprocess(spec_of(plain)), plain


def test_preprocess_pil_path_is_within_one_level() -> None:
    ours, theirs = levels(ResNet18_Weights.IMAGENET1K_V1.transforms())
    difference = worst_difference(ours, pil_path(theirs), pictures()) * 255
    # PIL resizes in fixed point, so it must differ. Equal results would mean that the test compares the wrong thing.
    assert 0.5 < difference < 1.001


class WithoutRounding(Preprocess):
    """A wrong preprocessing: it does not round the resized values to whole levels."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = image.permute(2, 0, 1).unsqueeze(0).float()
        scale = self.resize / min(x.shape[2:])
        size = [int(x.size(2) * scale), int(x.size(3) * scale)]
        x = F.interpolate(x, size, mode=self.mode, align_corners=False, antialias=self.antialias)
        top, left = round((size[0] - self.crop) / 2.0), round((size[1] - self.crop) / 2.0)
        return (x[:, :, top : top + self.crop, left : left + self.crop] / 255.0 - self.mean) / self.std


def large() -> Iterator[Pixels]:
    return (image for image in pictures() if min(image.shape[:2]) >= 300)


@pytest.mark.parametrize(
    ("wrong", "least_levels"),
    [
        ({"antialias": False}, 20.0),
        ({"interpolation": "bicubic"}, 5.0),
        ({"resize": 255}, 20.0),
        ({"mean": (0.004, 0.0, 0.0)}, 1.0),
    ],
)
def test_preprocess_deliberately_wrong_is_detected(wrong: dict[str, object], least_levels: float) -> None:
    right, preset = levels(ResNet18_Weights.IMAGENET1K_V1.transforms())
    fields = {name: getattr(spec_of(preset), name) for name in ImageSpec.__slots__}
    defective = Preprocess(ImageSpec(**{**fields, **wrong}))
    assert worst_difference(right, tensor_path(preset), large()) == 0.0
    assert worst_difference(defective, tensor_path(preset), large()) * 255 > least_levels


def test_preprocess_without_rounding_is_detected() -> None:
    right, preset = levels(ResNet18_Weights.IMAGENET1K_V1.transforms())
    difference = worst_difference(WithoutRounding(spec_of(preset)), tensor_path(preset), large()) * 255
    assert 0.1 < difference <= 0.501
    assert worst_difference(right, tensor_path(preset), large()) == 0.0


def test_preprocess_grey_equals_pil_exactly() -> None:
    """The pictures have the size of the crop, because PIL would resize in fixed point."""
    spec = ImageSpec(resize=224, crop=224, mean=(0.0,), std=(1.0,), channels=1)
    ours = Preprocess(spec)
    for photograph in photographs():
        image = np.ascontiguousarray(photograph[100:324, 200:424])
        grey = np.array(Image.fromarray(image).convert("L"))
        assert torch.equal((ours(torch.from_numpy(image))[0, 0] * 255).round().to(torch.uint8), torch.from_numpy(grey))


def test_preprocess_grey_of_every_level_equals_pil() -> None:
    generator = np.random.default_rng(0)
    image = generator.integers(0, 256, (224, 224, 3), dtype=np.uint8)
    image[0] = np.arange(224, dtype=np.uint8)[:, None]
    ours = Preprocess(ImageSpec(resize=224, crop=224, mean=(0.0,), std=(1.0,), channels=1))
    grey = torch.from_numpy(np.array(Image.fromarray(image).convert("L")))
    assert torch.equal((ours(torch.from_numpy(image))[0, 0] * 255).round().to(torch.uint8), grey)
    mean_of_channels = torch.from_numpy(image.astype(np.float32).mean(axis=2)).round().to(torch.uint8)
    assert not torch.equal(mean_of_channels, grey)


def test_preprocess_grey_resized_equals_torchvision_on_pil_grey() -> None:
    preset = transforms.Compose(
        [
            transforms.Resize(40, antialias=True),
            transforms.CenterCrop(32),
            transforms.ConvertImageDtype(torch.float32),
            transforms.Normalize((0.3,), (0.7,)),
        ]
    )
    ours = Preprocess(ImageSpec(resize=40, crop=32, mean=(0.3,), std=(0.7,), channels=1))
    for image in pictures():
        grey = torch.from_numpy(np.array(Image.fromarray(image).convert("L")))[None, None]
        assert torch.equal(ours(torch.from_numpy(image)), preset(grey)), image.shape


@cache
def classifier() -> nn.Module:
    """A network with random BatchNorm statistics. Its logits are centered on these pictures, so that the first class varies."""
    torch.manual_seed(0)
    net = models.ConvNet(classes=20)
    models.perturb_batchnorm(net).eval()
    preset = tensor_path(ResNet18_Weights.IMAGENET1K_V1.transforms())
    with torch.no_grad():
        net.classifier.weight.mul_(10.0)
        net.classifier.bias.zero_()
        net.classifier.bias.sub_(torch.cat([net(preset(image)) for image in pictures()]).mean(0))
    return net


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier with random BatchNorm statistics, and the preprocessing of torchvision's resnet18."""
    spec = spec_of(ResNet18_Weights.IMAGENET1K_V1.transforms())
    output = tmp_path_factory.mktemp("preprocess") / "net.ptl"
    # Centered logits cancel, and the server's pooling adds in another order: the error exceeds 1e-5.
    bounds = edgekit.Tolerance(norm=1e-3, max=1e-3)
    return edgekit.export(
        classifier(), ["1x3x224x224"], name="net", image=spec, output=output, tolerance=bounds
    ).package


def test_predict_of_a_package_equals_torchvision_and_eager(package: Path) -> None:
    model, net, preset = edgekit.load(package), classifier(), ResNet18_Weights.IMAGENET1K_V1.transforms()
    assert isinstance(model, edgekit.LiteModel)
    winners = set()
    for image in pictures():
        outputs = model.run([image], "predict")
        with torch.no_grad():
            scores = torch.softmax(net(tensor_path(preset)(image)), dim=1)[0]
            from_pil = net(pil_path(preset)(image))[0]
        by_class = np.zeros(20, np.float32)
        by_class[outputs["1"]] = outputs["0"]
        np.testing.assert_allclose(by_class, scores.numpy(), rtol=1e-4, atol=1e-6)
        assert outputs["1"][0] == int(scores.argmax()) == int(from_pil.argmax()), image.shape
        winners.add(int(scores.argmax()))
    assert len(winners) > 3  # otherwise agreement on the first class would prove nothing


def test_predict_of_another_channel_order_differs(package: Path) -> None:
    model = edgekit.load(package)
    assert isinstance(model, edgekit.LiteModel)
    image = photographs()[0]
    right, wrong = (model.run([pixels], "predict")["0"] for pixels in (image, np.ascontiguousarray(image[:, :, ::-1])))
    assert np.abs(right - wrong).max() > 1e-3
