"""Makes the inputs of the app's tests: ten photographs, three packages, and the answers of `edgekit run` for the photographs.

The photographs are cut from the two that scikit-learn ships. `model.ptl` has seeded weights, so nearly the same score for every
class. `fitted.ptl` has a last layer fitted to the photographs, so that each has its own label, far ahead of the rest: an
agreement on that says more. `efficientnet_lite0.ptl` has the weights that a Python package carries, for the screenshots.

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
from PIL import Image
from sklearn.datasets import __file__ as datasets
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


def run_edgekit(*arguments: object) -> str:
    """Runs a verb in this process, which has loaded torch already, and returns its stdout."""
    with contextlib.redirect_stdout(io.StringIO()) as stdout:
        code = edgekit_main(list(map(str, arguments)))
    if code != 0:
        raise SystemExit(f"edgekit {arguments[0]} ended with {code}")
    return stdout.getvalue()


if __name__ == "__main__":
    main()
