"""Exports the three networks of MTCNN, a face detector, and compares the faces that it finds with those of the original.

Run it from the project's root: .venv/bin/python examples/faces/faces.py PHOTOGRAPH...
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from facenet_pytorch.models.mtcnn import ONet, PNet, RNet
from facenet_pytorch.models.utils.detect_face import detect_face
from PIL import Image
from torch import nn

import edgekit

Boxes = npt.NDArray[np.float32]

# Each network, its example, and the sizes that detection asks for: pictures of a pyramid, then batches of candidates.
NETWORKS = {
    "pnet": (PNet, "1x3x64x64:float32[-1,1]", {2: (12, 512), 3: (12, 512)}),
    "rnet": (RNet, "8x3x24x24:float32[-1,1]", {0: (1, 512)}),
    "onet": (ONet, "8x3x48x48:float32[-1,1]", {0: (1, 512)}),
}
SMALLEST, FACTOR, THRESHOLDS = (
    40,
    0.709,
    [0.6, 0.7, 0.7],
)  # pixels of a face, steps of the pyramid, scores of the stages
BOUND = 0.01  # pixels


class Packaged(nn.Module):
    """A package in place of a network."""

    def __init__(self, package: Path) -> None:
        super().__init__()
        self._loaded = edgekit.load(package)
        self.dtype = nn.Parameter(torch.zeros(1))  # detection asks for the dtype of a parameter

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        outputs = self._loaded.run([x.numpy()])
        return tuple(torch.from_numpy(outputs[str(index)]) for index in range(len(outputs)))


def export(folder: Path) -> dict[str, Path]:
    """The packages of the networks."""
    found = {}
    for name, (kind, example, dynamic) in NETWORKS.items():
        report = edgekit.export(
            kind().eval(), example, name=name, output=folder / f"{name}.ptl", dynamic={"x": dynamic}, server=False
        )
        found[name] = report.package
    return found


def faces(networks: dict[str, nn.Module], photograph: Path) -> Boxes:
    """The faces in a photograph: x1, y1, x2, y2 in pixels, and the score."""
    picture = Image.open(photograph).convert("RGB")
    with torch.no_grad():
        boxes: Any = detect_face(
            picture, SMALLEST, networks["pnet"], networks["rnet"], networks["onet"], THRESHOLDS, FACTOR, "cpu"
        )[0]
    return np.asarray(boxes[0], dtype=np.float32).reshape(-1, 5)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photographs", nargs="+", type=Path)
    parser.add_argument("--folder", type=Path, default=Path("build/mobile/faces"))
    options = parser.parse_args(arguments)
    packaged: dict[str, nn.Module] = {name: Packaged(path) for name, path in export(options.folder).items()}
    original: dict[str, nn.Module] = {name: kind().eval() for name, (kind, _, _) in NETWORKS.items()}
    same = True
    for photograph in options.photographs:
        expected, found = faces(original, photograph), faces(packaged, photograph)
        error = float(np.abs(expected - found).max(initial=0.0)) if expected.shape == found.shape else float("inf")
        same &= error <= BOUND
        print(f"{photograph.name}: {len(found)} faces; largest difference from the original {error:.1e} pixels")
        for *corners, score in found.tolist():
            print(f"  {score:.3f}  {' '.join(f'{corner:.0f}' for corner in corners)}")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
