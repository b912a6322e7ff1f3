"""The mask of a picture: the sizes that the network gets, and the class of each pixel of its answer."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from edgekit.format.schema import ImageSpec
from edgekit.parity.preprocess import Preprocess
from edgekit.parity.ranges import Ranges

_HEIGHT, _WIDTH = (0, 2), (0, 3)  # the axes of the only input [N, C, H, W]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """The heights and widths that the network takes, each as (min, max, multiple). They are equal if `square`."""

    height: tuple[int, int, int]
    width: tuple[int, int, int]
    square: bool = False


def sides_of(shape: Sequence[int], ranges: Ranges) -> Sides:
    """The sides that were proved for an input of this shape."""
    found = {axis: each for each in ranges for axis in each.axes}
    height, width = (
        (found[axis].min, found[axis].max, found[axis].multiple)
        if axis in found
        else (shape[axis[1]], shape[axis[1]], 1)
        for axis in (_HEIGHT, _WIDTH)
    )
    square = _HEIGHT in found and found.get(_WIDTH) is found[_HEIGHT]
    return Sides(height=height, width=width, square=square)


class WholePicture(Preprocess):
    """Preprocesses a picture without a crop. Each side is brought to the nearest size that the network takes."""

    def __init__(self, spec: ImageSpec, sides: Sides) -> None:
        super().__init__(spec)
        self.heights, self.widths, self.square = sides.height, sides.width, sides.square

    def cropped(self, image: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        """[H, W, 3] uint8 to [1, C, height, width] in `dtype`: resized, not yet rounded to whole levels."""
        x = self.pixels(image, dtype)
        height, width = self.prepared_sides(x.size(2), x.size(3))
        return self.resized(x, height, width)

    def prepared_sides(self, height: int, width: int) -> tuple[int, int]:
        """Height and width that the network gets for a picture."""
        height, width = self.sides(height, width)
        if self.square:
            height = self.resize
            width = self.resize
        return self.nearest(height, self.heights), self.nearest(width, self.widths)

    def nearest(self, size: int, limits: tuple[int, int, int]) -> int:
        """The multiple that is nearest to a size, within the limits, which are multiples too."""
        rounded = (size + limits[2] // 2) // limits[2] * limits[2]
        return max(limits[0], min(limits[1], rounded))


class MaskHead(nn.Module):
    """The class of each pixel of a picture.

    Args:
        single: whether the scores have one channel, which decides between the classes 0 and 1.
        threshold: what the score of class 1 exceeds, if there is one channel.
    """

    def __init__(self, single: bool, threshold: float) -> None:
        super().__init__()
        self.single = single
        self.threshold = threshold

    def forward(self, scores: torch.Tensor, prepared: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
        """[1, C, h, w] scores of the prepared picture [1, 3, height, width] to [H, W] uint8 for the picture [H, W, 3]."""
        x = self.enlarged(scores, prepared)
        classes = (x[:, 0] > self.threshold) if self.single else x.argmax(1)
        return self.spread(classes[0].to(torch.uint8), image)

    def enlarged(self, scores: torch.Tensor, prepared: torch.Tensor) -> torch.Tensor:
        """The scores at the size of the prepared picture: some networks answer with a coarser map."""
        height, width = prepared.size(2), prepared.size(3)
        if scores.size(2) != height or scores.size(3) != width:
            scores = F.interpolate(scores, [height, width], mode="bilinear", align_corners=False)
        return scores

    def spread(self, classes: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
        """A map [h, w] at the picture's size: each pixel gets the element whose area has the centre of the pixel."""
        height, width = image.size(0), image.size(1)
        rows = torch.div((torch.arange(height) * 2 + 1) * classes.size(0), 2 * height, rounding_mode="floor")
        columns = torch.div((torch.arange(width) * 2 + 1) * classes.size(1), 2 * width, rounding_mode="floor")
        return classes.index_select(0, rows).index_select(1, columns)

    def sure(self, scores: torch.Tensor, prepared: torch.Tensor, image: torch.Tensor, margin: float) -> torch.Tensor:
        """Where the two highest scores, or the only one and the threshold, lie farther apart than a margin: bool [H, W]."""
        x = self.enlarged(scores, prepared)
        if self.single:
            apart = (x[0, 0] - self.threshold).abs()
        else:
            best = x[0].topk(2, dim=0).values
            apart = best[0] - best[1]
        return self.spread(apart > margin, image)
