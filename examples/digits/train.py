"""Trains a classifier of handwritten digits in seconds, exports it with its preprocessing, and checks it on held-out pictures.

Run it from the project's root; it needs no network: .venv/bin/python examples/digits/train.py
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

import edgekit
from edgekit.parity.preprocess import Preprocess

Pictures = npt.NDArray[np.uint8]
Classes = npt.NDArray[np.int64]

SEED = 0
SIDE = 64  # pixels of a picture's side
EPOCHS, BATCH = 6, 32
LABELS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
IMAGE = edgekit.ImageSpec(resize=28, crop=28, channels=1, mean=(0.5,), std=(0.5,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Digits:
    """Pictures uint8 [N, SIDE, SIDE, 3] and their digits [N]: light ink on dark paper, and dark ink on light paper."""

    pictures: Pictures
    classes: Classes


class DigitNet(nn.Module):
    """[N, 1, 28, 28] to logits [N, 10]."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for narrow, wide in ((1, 16), (16, 32), (32, 64)):
            layers += [nn.Conv2d(narrow, wide, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(wide), nn.ReLU()]
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(64 * 4 * 4, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.classifier(self.features(x).flatten(1))
        return logits


def draw(digit: npt.NDArray[np.float64]) -> Pictures:
    """Converts a digit of scikit-learn (8x8, 0 to 16) to a grey RGB picture."""
    small = Image.fromarray(np.rint(digit * (255 / 16)).astype(np.uint8))
    return np.asarray(small.resize((SIDE, SIDE), Image.Resampling.BICUBIC).convert("RGB"))


def load() -> tuple[Digits, Digits]:
    """The digits for training, and the held-out quarter."""
    images, classes = load_digits(return_X_y=True)
    light = np.stack([draw(digit) for digit in images.reshape(-1, 8, 8)])
    parts = train_test_split(light, classes.astype(np.int64), test_size=0.25, random_state=SEED, stratify=classes)
    train_light, test_light, train_classes, test_classes = parts
    return _both_inks(train_light, train_classes), _both_inks(test_light, test_classes)


def _both_inks(light: Pictures, classes: Classes) -> Digits:
    return Digits(pictures=np.concatenate([light, 255 - light]), classes=np.concatenate([classes, classes]))


def prepare(pictures: Pictures) -> torch.Tensor:
    """The input of `forward`, [N, 1, 28, 28], by the preprocessing that the package has, so training sees what phones see."""
    preprocess = Preprocess(IMAGE)
    with torch.no_grad():
        return torch.cat([preprocess(torch.from_numpy(picture)) for picture in pictures])


def train(digits: Digits) -> DigitNet:
    """Trains the network. The result is in eval mode, and the same on every run."""
    torch.set_num_threads(1)  # the order of the sums, and so the weights, depends on the number of threads
    inputs, targets = prepare(digits.pictures), torch.from_numpy(digits.classes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        model = DigitNet()
        steps = EPOCHS * -(-len(inputs) // BATCH)
        optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=5e-3, total_steps=steps)
        for _ in range(EPOCHS):
            for batch in torch.randperm(len(inputs)).split(BATCH):
                optimizer.zero_grad()
                nn.functional.cross_entropy(model(inputs[batch]), targets[batch]).backward()
                optimizer.step()
                schedule.step()
    return model.eval()


def export(model: nn.Module, folder: Path) -> edgekit.ExportReport:
    """Exports `digits.ptl` to a folder. The range of the example input is the range of `prepare`."""
    return edgekit.export(
        model, ["1x1x28x28:float32[-1,1]"], name="digits", output=folder / "digits.ptl", image=IMAGE, labels=LABELS
    )


def eager_accuracy(model: nn.Module, digits: Digits) -> float:
    """The share of pictures that the PyTorch module classifies correctly."""
    with torch.no_grad():
        return _share(model(prepare(digits.pictures)).argmax(1).numpy(), digits)


def forward_accuracy(package: edgekit.LiteModel, digits: Digits) -> float:
    """The share that the package's `forward` classifies correctly, one picture at a time."""
    found = [package.run([x.numpy()])["0"].argmax() for x in prepare(digits.pictures).split(1)]
    return _share(np.array(found), digits)


def predict_accuracy(package: edgekit.LiteModel, digits: Digits) -> float:
    """The share that the package's `predict` classifies correctly, from uint8 pictures."""
    found = [LABELS.index(package.predict(picture, topk=1)[0][0]) for picture in digits.pictures]
    return _share(np.array(found), digits)


def _share(found: npt.NDArray[np.int64], digits: Digits) -> float:
    return float(np.mean(found == digits.classes))


def write_pictures(digits: Digits, folder: Path) -> tuple[Path, ...]:
    """A PNG of every digit in each ink, for example `7-light.png` and `7-dark.png`."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    half = len(digits.classes) // 2
    for ink, start in (("light", 0), ("dark", half)):
        for digit in range(len(LABELS)):
            first = start + int(np.flatnonzero(digits.classes[start : start + half] == digit)[0])
            paths.append(folder / f"{digit}-{ink}.png")
            Image.fromarray(digits.pictures[first]).save(paths[-1])
    return tuple(paths)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Train, export and check a classifier of handwritten digits.")
    parser.add_argument("--folder", type=Path, default=Path("build/mobile/digits"), help="default: build/mobile/digits")
    folder: Path = parser.parse_args(arguments).folder
    training, held_out = load()
    model = train(training)
    try:
        report = export(model, folder)
        package = edgekit.load(report.package)
    except edgekit.EdgekitError as error:
        print(f"train.py: {error}", file=sys.stderr)
        return error.exit_code
    assert isinstance(package, edgekit.LiteModel)  # it is a .ptl
    before = eager_accuracy(model, held_out)
    after = {"forward": forward_accuracy(package, held_out), "predict": predict_accuracy(package, held_out)}
    print(f"held-out accuracy on {len(held_out.classes)} pictures")
    print(f"  before export, eager     {before:.4f}")
    for method, accuracy in after.items():
        print(f"  after export, {method:<10} {accuracy:.4f}")
    pictures = write_pictures(held_out, folder / "pictures")
    print(f"try: edgekit run {report.package} {pictures[7]}")
    return 0 if all(accuracy == before for accuracy in after.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
