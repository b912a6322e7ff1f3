"""Small networks that give maps of scores, with random weights under which the classes vary from pixel to pixel."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn


def head_of(channels: int) -> nn.Module:
    """Two convolutions whose scores have mean 0 on noise."""
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Tanh(), nn.Conv2d(8, channels, 3, padding=1))
    nn.init.zeros_(layers[2].bias)
    return layers


class Segmenter(nn.Module):
    """Five classes, each pixel by its neighbourhood; `end` changes the scores [N, 5, H, W]."""

    def __init__(self, end: Callable[[torch.Tensor], Any] = lambda y: y, channels: int = 5) -> None:
        super().__init__()
        self.net = head_of(channels)
        self.end = end

    def forward(self, x: torch.Tensor) -> Any:
        return self.end(self.net(x))


class UNet(nn.Module):
    """Takes multiples of 8 alone, and answers with scores at the size of the input."""

    def __init__(self) -> None:
        super().__init__()
        self.net = head_of(4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        small = F.interpolate(F.avg_pool2d(x, 8), scale_factor=8.0)
        return self.net(x + small)


class Positions(nn.Module):
    """Takes one size alone, since each place has its own parameter, and answers with a coarser map."""

    def __init__(self) -> None:
        super().__init__()
        self.net = head_of(4)
        torch.manual_seed(1)
        self.places = nn.Parameter(torch.randn(1, 3, 24, 32))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.avg_pool2d(self.net(x + self.places), 4)
