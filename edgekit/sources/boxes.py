"""The boxes of a picture: the picture at the one size that a detector takes, and the boxes moved back to the given one."""

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import nn

from edgekit.format.golden import GoldenInput
from edgekit.format.schema import ImageSpec

_FIRST_SEED = 21


def generated_pictures(spec: ImageSpec, size: Sequence[int]) -> Iterator[GoldenInput]:
    """A tall picture and a wide one for a detector that takes [3, height, width].

    A wrong resize, and boxes that are moved wrongly, give other boxes on them. They become smaller by a factor of 3, at which
    the resize takes each third pixel: the result is exact, and as noisy as the probes, in which random weights find boxes.
    """
    _, height, width = size
    tall, wide = ((3 * height, 3 * (width // 2)), (3 * (height // 2), 3 * width))
    if not spec.keep_ratio:
        tall, wide = (3 * height, width), (height, 3 * width)
    for seed, shape in enumerate((tall, wide), _FIRST_SEED):
        yield GoldenInput(name="image", dtype="uint8", shape=(*shape, 3), seed=seed, low=0, high=255)


class Fitting(nn.Module):
    """Brings a picture to the size of a detector: inside it with the ratio kept, or stretched to it.

    Args:
        spec: the image contract.
        size: [3, height, width], which the detector takes.
    """

    def __init__(self, spec: ImageSpec, size: Sequence[int]) -> None:
        super().__init__()
        self.height, self.width = int(size[1]), int(size[2])
        self.keep_ratio = spec.keep_ratio

    def sides(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of a picture after the resize."""
        if not self.keep_ratio:
            return self.height, self.width
        if height * self.width >= width * self.height:
            return self.height, max(1, width * self.height // height)
        return max(1, height * self.width // width), self.width


class FittedPicture(Fitting):
    """Prepares a picture. What it does not fill, on the right or below, gets the mean colour: zero once it is normalized."""

    mean: torch.Tensor

    def __init__(self, spec: ImageSpec, size: Sequence[int]) -> None:
        super().__init__(spec, size)
        self.register_buffer("mean", torch.tensor(spec.mean).reshape(-1, 1, 1))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """[H, W, 3] uint8 to [3, height, width] float32 from 0 to 1."""
        x = image.permute(2, 0, 1).unsqueeze(0).to(torch.float32)
        height, width = self.sides(x.size(2), x.size(3))
        if height != x.size(2) or width != x.size(3):
            x = F.interpolate(x, [height, width], mode="bilinear", align_corners=False)
        x = x[0] / 255.0
        x = torch.cat([x, self.mean.expand(3, height, self.width - width)], dim=2)
        return torch.cat([x, self.mean.expand(3, self.height - height, self.width)], dim=1)


class BoxHead(Fitting):
    """Moves boxes back to the picture. A box that has no area in it is left out."""

    def forward(
        self, boxes: torch.Tensor, labels: torch.Tensor, scores: torch.Tensor, image: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """Boxes [K, 4] in pixels of the prepared picture to boxes in pixels of the picture [H, W, 3]."""
        moved = self.moved(boxes, image)
        inside = ((moved[:, 2] > moved[:, 0]) & (moved[:, 3] > moved[:, 1])).nonzero().squeeze(1)
        return {
            "boxes": moved.index_select(0, inside),
            "labels": labels.index_select(0, inside),
            "scores": scores.index_select(0, inside),
        }

    def scales(self, image: torch.Tensor) -> tuple[float, float]:
        """What a horizontal and a vertical coordinate of the prepared picture is multiplied by."""
        height, width = self.sides(image.size(0), image.size(1))
        return image.size(1) / width, image.size(0) / height

    def moved(self, boxes: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
        """Boxes in pixels of the picture, cut at its edges."""
        across, down = self.scales(image)
        x = (boxes[:, 0::2] * across).clamp(0.0, float(image.size(1)))
        y = (boxes[:, 1::2] * down).clamp(0.0, float(image.size(0)))
        return torch.stack([x[:, 0], y[:, 0], x[:, 1], y[:, 1]], dim=1)

    def sure(self, boxes: torch.Tensor, image: torch.Tensor, margin: float) -> bool:
        """Whether no box touches the picture by less than a margin, so that rounding cannot leave it out or let it in."""
        across, down = self.scales(image)
        x, y = boxes[:, 0::2] * across, boxes[:, 1::2] * down
        wide = x[:, 1].clamp(max=float(image.size(1))) - x[:, 0].clamp(min=0.0)
        high = y[:, 1].clamp(max=float(image.size(0))) - y[:, 0].clamp(min=0.0)
        return bool((torch.minimum(wide, high).abs() > margin).all())
