"""A `predict` that gives masks: against torchvision's preset, the eager model, and sums over whole numbers in numpy."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import packages
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from segmenters import Positions, Segmenter, UNet
from sklearn.datasets import load_sample_images
from torch import nn
from torchvision.transforms._presets import SemanticSegmentation

import edgekit
from edgekit.errors import PackageError, ParityError, UsageError
from edgekit.packaging import predict
from edgekit.parity.masks import MaskHead

MEAN, STD = (0.5, 0.4, 0.3), (0.25, 0.3, 0.2)
IMAGE = {"resize": 48, "mean": MEAN, "std": STD}
Mask = NDArray[np.uint8]


def photograph(height: int = 150, width: int = 211) -> Mask:
    return np.ascontiguousarray(load_sample_images().images[0][60 : 60 + height, 40 : 40 + width]).astype(np.uint8)


def export(path: Path, module: nn.Module, shape: str = "1x3x48x64", **options: Any) -> Path:
    return edgekit.export(
        module, [shape], name="m", output=path / "m.ptl", server=False, **{"image": IMAGE, **options}
    ).package


def nearest(classes: NDArray[Any], height: int, width: int) -> Mask:
    """The element whose area has the centre of each pixel."""
    rows = [(2 * y + 1) * classes.shape[0] // (2 * height) for y in range(height)]
    columns = [(2 * x + 1) * classes.shape[1] // (2 * width) for x in range(width)]
    return classes[np.ix_(rows, columns)].astype(np.uint8)


def prepared(picture: Mask, height: int, width: int) -> torch.Tensor:
    """torchvision's own steps, to any sides."""
    x = torch.from_numpy(picture).permute(2, 0, 1).unsqueeze(0).float()
    x = F.interpolate(x, [height, width], mode="bilinear", align_corners=False, antialias=True).round().clamp(0, 255)
    return (x / 255.0 - torch.tensor(MEAN).reshape(3, 1, 1)) / torch.tensor(STD).reshape(3, 1, 1)


def agreement(a: Mask, b: Mask) -> float:
    assert (a.shape, a.dtype) == (b.shape, b.dtype)
    return float((a == b).mean())


def argmax(scores: torch.Tensor) -> NDArray[Any]:
    found: NDArray[Any] = scores.argmax(1)[0].numpy()
    return found


@torch.no_grad()
def test_segment_is_torchvisions_preset_and_argmax_at_the_pictures_size(tmp_path: Path) -> None:
    module, preset = Segmenter(), SemanticSegmentation(resize_size=48, mean=MEAN, std=STD)
    package = edgekit.load(export(tmp_path, module, image=preset, labels=list("abcde")))
    assert isinstance(package, edgekit.model.LiteModel)
    for shape in ((150, 211), (211, 150), (31, 40)):
        picture = photograph(*shape)
        x = preset(torch.from_numpy(picture).permute(2, 0, 1).unsqueeze(0))
        assert agreement(package.segment(picture), nearest(argmax(module(x)), *shape)) > 0.999
    assert package.manifest is not None
    spec, image = package.manifest.method("predict"), package.manifest.image
    assert spec is not None
    assert str(spec.outputs[0]) == "0: uint8 [*, *]"
    assert spec.outputs[0].proof == "varies"
    assert image is not None
    assert (image.task, image.classes, package.labels) == ("mask", 5, tuple("abcde"))
    with pytest.raises(UsageError, match=r"predict of this package gives a mask; segment\(\) returns it"):
        package.predict(photograph())


class Nested(Segmenter):
    def __init__(self) -> None:
        super().__init__(lambda y: {"aux": 1.0 - y, "out": [y]})


SIGMOID = {"activation": "sigmoid"}
CASES: dict[str, tuple[Callable[[], nn.Module], dict[str, Any], tuple[int, int], Callable[[Any], NDArray[Any]]]] = {
    "several outputs": (Nested, {"rank": "out.0"}, (48, 67), lambda y: argmax(y["out"][0])),
    "a coarser map": (
        lambda: Segmenter(lambda y: F.avg_pool2d(y, 2)),
        {},
        (48, 67),
        lambda y: argmax(F.interpolate(y, (48, 67), mode="bilinear", align_corners=False)),
    ),
    "one logit": (lambda: Segmenter(channels=1), SIGMOID, (48, 67), lambda y: (y[0, 0] > 0.0).numpy()),
    "one share": (lambda: Segmenter(torch.sigmoid, channels=1), {}, (48, 67), lambda y: (y[0, 0] > 0.5).numpy()),
    "multiples of 8": (UNet, {"image": {**IMAGE, "resize": 53}}, (56, 72), argmax),
    "one size": (
        Positions,
        {"shape": "1x3x24x32"},
        (24, 32),
        lambda y: argmax(F.interpolate(y, (24, 32), mode="bilinear", align_corners=False)),
    ),
}


@pytest.mark.parametrize("case", CASES)
@torch.no_grad()
def test_segment_brings_each_side_to_a_size_that_the_model_takes(tmp_path: Path, case: str) -> None:
    factory, options, sides, classes = CASES[case]
    module, picture = factory(), photograph()
    package = edgekit.load(export(tmp_path, module, **options))
    assert isinstance(package, edgekit.model.LiteModel)
    wanted = nearest(classes(module(prepared(picture, *sides))), *picture.shape[:2])
    assert len(np.unique(wanted)) > 1
    assert agreement(package.segment(picture), wanted) > 0.999


WRONG: dict[str, tuple[Callable[[], nn.Module], dict[str, Any], str]] = {
    "one channel": (lambda: Segmenter(channels=1), {}, "may be the score of a class, or a depth or a grey level"),
    "too many classes": (lambda: Segmenter(channels=257), {}, "output 0 has 257 classes; expected at most 256"),
    "several maps": (Nested, {}, "--output aux or --output out.0"),
    "grey": (Segmenter, {"image": "resize=48,channels=1,mean=0,std=1"}, "expected float32 [N, 1, H, W]"),
    "labels": (Segmenter, {"labels": ["a", "b"]}, "2 labels were given for 5 classes"),
}


@pytest.mark.parametrize("case", WRONG)
def test_export_refuses_a_mask_that_cannot_be_made(tmp_path: Path, case: str) -> None:
    factory, options, message = WRONG[case]
    with pytest.raises(UsageError) as refused:
        export(tmp_path, factory(), **options)
    assert message in str(refused.value)
    assert not list(tmp_path.iterdir())


class Upside(nn.Module):
    """A wrong head: the mask is upside down."""

    def __init__(self, single: bool, threshold: float) -> None:
        super().__init__()
        self.head = MaskHead(single, threshold)

    def forward(self, scores: torch.Tensor, prepared: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
        return self.head(scores, prepared, image).flip(0)


def test_export_sees_a_wrong_mask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predict, "MaskHead", Upside)
    with pytest.raises(ParityError, match="case 'predict"):
        export(tmp_path, Segmenter())


def test_package_of_another_task_is_named(tmp_path: Path) -> None:
    made = export(tmp_path, Segmenter())
    unknown = packages.edit_manifest(lambda manifest: manifest["image"].update(task="depth"))
    other = edgekit.load(packages.rewrite(made, tmp_path / "depth.ptl", unknown, remake_digests=True))
    assert isinstance(other, edgekit.model.LiteModel)
    for call in (other.segment, other.predict):
        with pytest.raises(UsageError, match="gives 'depth'; this version knows labels, mask, boxes"):
            call(photograph())
    assert other.run([photograph()], "predict")["0"].shape == (150, 211)


def test_mask_of_another_kind_is_refused(tmp_path: Path, tiny: Path) -> None:
    as_mask = packages.edit_manifest(lambda manifest: manifest["image"].update(task="mask", classes=5))
    wrong = edgekit.load(packages.rewrite(tiny, tmp_path / "x.ptl", as_mask, remake_digests=True))
    labels = edgekit.load(tiny)
    assert isinstance(wrong, edgekit.model.LiteModel)
    assert isinstance(labels, edgekit.model.LiteModel)
    with pytest.raises(PackageError, match=r"predict gives float32 \[5\] for a picture"):
        wrong.segment(photograph())
    with pytest.raises(UsageError, match=r"predict of this package gives labels; predict\(\) returns them"):
        labels.segment(photograph())
