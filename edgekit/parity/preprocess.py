"""The preprocessing of the image contract as a module: from uint8 HWC to normalized NCHW."""

import torch
import torch.nn.functional as F
from torch import nn

from edgekit.format.schema import ImageSpec


class Preprocess(nn.Module):
    """Preprocesses a picture. The result is bit for bit that of torchvision's `ImageClassification` on a uint8 tensor.

    It resizes in float32 and rounds back to whole levels, because older runtimes lack the uint8 antialias operator.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, spec: ImageSpec) -> None:
        super().__init__()
        self.resize = spec.resize
        self.crop = spec.crop
        self.mode = spec.interpolation
        self.antialias = spec.antialias
        self.grey = spec.channels == 1
        self.register_buffer("mean", torch.tensor(spec.mean).reshape(-1, 1, 1))
        self.register_buffer("std", torch.tensor(spec.std).reshape(-1, 1, 1))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """[H, W, 3] uint8 to [1, C, crop, crop] float32."""
        levels = self.cropped(image, torch.float32).round().clamp(0.0, 255.0)
        return ((levels / 255.0) - self.mean) / self.std

    def pixels(self, image: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        """[H, W, 3] uint8 to [1, C, H, W] in `dtype`."""
        pixels = image.permute(2, 0, 1).unsqueeze(0)
        if self.grey:
            wide = pixels.to(torch.int32)
            grey = (19595 * wide[:, 0] + 38470 * wide[:, 1] + 7471 * wide[:, 2] + 32768) // 65536
            pixels = grey.unsqueeze(1)
        return pixels.to(dtype)

    def sides(self, height: int, width: int) -> tuple[int, int]:
        """Height and width after the resize, which keeps the ratio."""
        if height <= width:
            return self.resize, int(self.resize * width / height)
        return int(self.resize * height / width), self.resize

    def resized(self, x: torch.Tensor, height: int, width: int) -> torch.Tensor:
        """[1, C, H, W] with other sides."""
        if height != x.size(2) or width != x.size(3):
            x = F.interpolate(x, [height, width], mode=self.mode, align_corners=False, antialias=self.antialias)
        return x

    def cropped(self, image: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        """[H, W, 3] uint8 to [1, C, crop, crop] in `dtype`: resized and cropped, not yet rounded to whole levels."""
        x = self.pixels(image, dtype)
        new_height, new_width = self.sides(x.size(2), x.size(3))
        x = self.resized(x, new_height, new_width)
        pad_width, pad_height = max(self.crop - new_width, 0), max(self.crop - new_height, 0)
        if pad_width > 0 or pad_height > 0:
            x = F.pad(x, [pad_width // 2, (pad_width + 1) // 2, pad_height // 2, (pad_height + 1) // 2])
        top = int(round((x.size(2) - self.crop) / 2.0))  # noqa: RUF046  TorchScript's round gives a float
        left = int(round((x.size(3) - self.crop) / 2.0))  # noqa: RUF046  as above
        return x[:, :, top : top + self.crop, left : left + self.crop]
