"""Makes the inputs of the app's tests: ten photographs, four packages, and the answers of `edgekit run` for the photographs.

The photographs are cut from the two that scikit-learn ships. `model.ptl` has seeded weights, so nearly the same score for every
class. `fitted.ptl` has a last layer fitted to the photographs, so that each has its own label, far ahead of the rest: an
agreement on that says more. `efficientnet_lite0.ptl` has the weights that a Python package carries, for the screenshots.
`segmenter.ptl` finds sky, building, trees and lake in one of the photographs: its last layer is fitted to marked parts of it.

Run it with ATEN_CPU_CAPABILITY=default. `predict` rounds the resized pixels to integers, and a pixel that lies on a half goes to
the other side where a kernel uses fused multiply-adds. Android's library does not, so its answers are compared with those of
kernels that do not either.
"""

import argparse
import contextlib
import io
import tempfile
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from sklearn.datasets import __file__ as datasets
from torch import nn
from torchvision.models import mobilenet_v3_small

import edgekit
from edgekit.cli.main import main as edgekit_main
from edgekit.packaging.predict import Preprocess
from edgekit.sources.weights import randomize, seeded

SOURCES = ("flower.jpg", "china.jpg")
CROPS = ((0.0, 0.0, 1.0, 1.0), (0.0, 0.0, 0.6, 0.8), (0.4, 0.1, 1.0, 1.0), (0.2, 0.2, 0.7, 0.9), (0.3, 0.0, 0.8, 0.5))
IMAGENET = edgekit.ImageSpec(resize=256, crop=224, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
# Classes of ImageNet that suit the photographs; the network knows these ten and nothing else.
FLOWERS = (985, 986, 309, 738, 580)  # daisy, yellow lady's slipper, bee, pot, greenhouse
BUILDINGS = (698, 663, 832, 442, 449)  # palace, monastery, stupa, bell cote, boathouse
# Parts of china.jpg, each as left, top, right and bottom, that show one class.
MARKED = {
    "sky": ((0.45, 0.0, 1.0, 0.35), (0.0, 0.0, 0.1, 0.25), (0.06, 0.33, 0.14, 0.4)),
    "building": (
        *((0.2, 0.17, 0.47, 0.3), (0.17, 0.4, 0.5, 0.5), (0.2, 0.54, 0.52, 0.61), (0.2, 0.64, 0.52, 0.75)),
        *((0.18, 0.32, 0.5, 0.36), (0.3, 0.06, 0.34, 0.1), (0.38, 0.8, 0.52, 0.85)),
    ),
    "trees": ((0.0, 0.83, 0.3, 1.0), (0.6, 0.77, 0.85, 1.0), (0.88, 0.5, 1.0, 0.7), (0.0, 0.4, 0.05, 0.6)),
    "lake": ((0.6, 0.52, 0.85, 0.66),),
}
OWN_LOGIT, OTHER_LOGITS, RIDGE = 9.5, (6.9, 6.2, 5.4, 4.7), 1e-3  # a score of 0.8, and a few to come after it


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    out: Path = parser.parse_args().out
    if torch.backends.cpu.get_cpu_capability() != "DEFAULT":
        raise SystemExit("torch uses this processor's own kernels; run with ATEN_CPU_CAPABILITY=default")
    out.mkdir(parents=True, exist_ok=True)
    photos = photographs(out)
    run_edgekit("export", "-q", "mobilenet_v3_small", "--weights", "random", "--seed", "0", "-o", out / "model.ptl")
    run_edgekit("export", "-q", "efficientnet_lite0", "--no-server", "-o", out / "efficientnet_lite0.ptl")
    segmenter(out)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "fitted.pth"
        torch.save(fitted(photos).state_dict(), checkpoint)
        run_edgekit("export", "-q", "mobilenet_v3_small", "--checkpoint", checkpoint, "-o", out / "fitted.ptl")
    for name in ("model", "fitted"):  # the last file to be written is the sign that all are there
        with contextlib.chdir(out):  # the answers name the photographs as they are given
            answers = run_edgekit("run", f"{name}.ptl", *(photo.name for photo in photos), "--topk", "5", "--json")
        (out / f"{name}.json").write_text(answers, encoding="utf-8")


def photographs(out: Path) -> list[Path]:
    paths = []
    for source in SOURCES:
        image = Image.open(Path(datasets).parent / "images" / source)
        for number, (left, top, right, bottom) in enumerate(CROPS):
            width, height = image.size
            box = (int(left * width), int(top * height), int(right * width), int(bottom * height))
            paths.append(out / f"{Path(source).stem}{number}.jpg")
            image.crop(box).save(paths[-1], quality=92)
    return paths


@torch.no_grad()
def fitted(photos: list[Path]) -> torch.nn.Module:
    """A seeded network whose last layer is the ridge regression from the photographs' features to their own logits."""
    with seeded(0):
        net = mobilenet_v3_small(weights=None)
        targets = torch.randn(len(photos), 1000, dtype=torch.float64)
    randomize(net, (torch.zeros(2, 3, IMAGENET.crop, IMAGENET.crop),), 0)
    for group, classes in enumerate((FLOWERS, BUILDINGS)):
        for number, own in enumerate(classes):
            row = targets[group * len(classes) + number]
            row[own] = OWN_LOGIT
            row[[other for other in classes if other != own]] = torch.tensor(OTHER_LOGITS, dtype=torch.float64)
    net.eval()
    preprocess = Preprocess(IMAGENET)
    pictures = torch.cat([preprocess(torch.from_numpy(np.array(Image.open(photo)))) for photo in photos])
    features = net.classifier[:-1](net.avgpool(net.features(pictures)).flatten(1)).double()
    centred, wanted = features - features.mean(0), targets - targets.mean(0)
    gram = centred @ centred.T
    weight = centred.T @ torch.linalg.solve(gram + RIDGE * gram.diagonal().max() * torch.eye(len(photos)), wanted)
    net.classifier[-1].weight.copy_(weight.T)
    net.classifier[-1].bias.copy_(targets.mean(0) - features.mean(0) @ weight)
    return net


class Segmenter(nn.Module):
    """Seeded features of neighbourhoods at a quarter of the size, and the scores of the classes for each."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            *(
                nn.Conv2d(3, 24, 5, stride=2, padding=2),
                nn.ReLU(),
                nn.Conv2d(24, 48, 3, stride=2, padding=1),
                nn.ReLU(),
            ),
            *(nn.Conv2d(48, 96, 3, padding=2, dilation=2), nn.ReLU(), nn.AvgPool2d(3, 1, 1, count_include_pad=False)),
        )
        self.head = nn.Conv2d(96, classes, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.head(self.net(x))
        return scores


def segmenter(out: Path) -> None:
    with seeded(0):
        net = Segmenter(len(MARKED)).eval()
    fit_head(net, Image.open(Path(datasets).parent / "images" / "china.jpg"))
    image = {"resize": 256, "mean": 0.5, "std": 0.25}
    edgekit.export(
        net,
        ["1x3x256x384"],
        name="segmenter",
        output=out / "segmenter.ptl",
        image=image,
        labels=list(MARKED),
        server=False,
    )


@torch.no_grad()
def fit_head(net: Segmenter, picture: Image.Image) -> None:
    """Sets the last layer to the ridge regression from the features of the marked parts to their classes, all of one weight."""
    pixels = torch.from_numpy(np.array(picture.resize((384, 256)))).permute(2, 0, 1)[None] / 255
    found = net.net((pixels - 0.5) / 0.25)[0].double()
    height, width = found.shape[1:]
    parts = []
    for boxes in MARKED.values():
        cut = ((int(x * width), int(y * height), int(to_x * width), int(to_y * height)) for x, y, to_x, to_y in boxes)
        parts.append(torch.cat([found[:, y : to_y + 1, x : to_x + 1].flatten(1).T for x, y, to_x, to_y in cut]))
    features, sizes = torch.cat(parts), torch.tensor([len(part) for part in parts])
    wanted = F.one_hot(torch.arange(len(parts)).repeat_interleave(sizes)).double()
    weights = (1 / sizes.double()).repeat_interleave(sizes)[:, None]
    mean, spread = features.mean(0), features.std(0) + 1e-6
    known = torch.cat([(features - mean) / spread, torch.ones(len(features), 1)], 1)
    solved = torch.linalg.solve(
        known.T @ (known * weights) + 1e-2 * torch.eye(known.size(1)), known.T @ (wanted * weights)
    )
    scale = solved[:-1] / spread[:, None]
    net.head.weight.copy_(scale.T[..., None, None])
    net.head.bias = nn.Parameter((solved[-1] - mean @ scale).float())


def run_edgekit(*arguments: object) -> str:
    """Runs a verb in this process, which has loaded torch already, and returns its stdout."""
    with contextlib.redirect_stdout(io.StringIO()) as stdout:
        code = edgekit_main(list(map(str, arguments)))
    if code != 0:
        raise SystemExit(f"edgekit {arguments[0]} ended with {code}")
    return stdout.getvalue()


if __name__ == "__main__":
    main()
