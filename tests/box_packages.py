"""A small package whose `predict` gives three boxes, without a detector: their places follow the size of the picture."""

from pathlib import Path

import packages
import torch
from torch import nn

import edgekit

LABELS = ("cat", "dog", "traffic light")


class Boxes(nn.Module):
    """Boxes at fixed parts of the picture, and scores that its pixels change a little."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * 2.0 + 1.0

    @torch.jit.export
    def predict(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        high, wide = float(image.size(0)), float(image.size(1))
        parts = torch.tensor([[0.1, 0.2, 0.5, 0.9], [0.5, 0.0, 1.0, 0.5], [0.0, 0.7, 0.3, 1.0]])
        light = (image.to(torch.float32) * torch.tensor([0.3, 0.5, 0.2])).mean()  # of three channels alone
        scores = torch.tensor([0.9, 0.6, 0.2]) - light / 1024.0
        boxes = parts * torch.tensor([wide, high, wide, high])
        return {"boxes": boxes, "labels": torch.tensor([2, 0, 1]), "scores": scores}


def make_boxes(folder: Path) -> Path:
    """The package, as the export of a detector would describe it."""
    made = edgekit.export(
        Boxes(),
        ["1x3"],
        name="boxes",
        output=folder / "plain.ptl",
        mode="script",
        methods={"predict": ["48x64x3:uint8[0,255]"]},
        labels=LABELS,
        server=False,
    ).package
    return packages.rewrite(made, folder / "boxes.ptl", packages.edit_manifest(_as_detector), remake_digests=True)


def _as_detector(manifest: dict) -> None:  # type: ignore[type-arg]  # JSON
    manifest["image"] = {
        "resize": 0,
        "crop": 0,
        "mean": [0.5, 0.5, 0.5],
        "std": [1.0, 1.0, 1.0],
        "task": "boxes",
        "classes": 3,
    }
    (predict,) = (method for method in manifest["methods"] if method["name"] == "predict")
    predict["inputs"][0]["shape"] = [None, None, 3]
