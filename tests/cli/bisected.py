"""Models for the tests of `edgekit verify --bisect`."""

import torch
from torch import nn


class Pair(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.wide = nn.Linear(8, 16)
        self.narrow = nn.Linear(16, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.wide(x).tanh()
        return self.narrow(y)

    def halved(self, x: torch.Tensor) -> torch.Tensor:
        return x.sin() / 2


class Failing(Pair):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if bool(x.mean() > 10):  # not on the probes that the adapter takes
            return self.narrow(x)
        raise RuntimeError("this model never answers")


class Other(nn.Module):
    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels * 2

    def halved(self, x: torch.Tensor) -> torch.Tensor:
        return x / 2


def pair() -> nn.Module:
    torch.manual_seed(0)
    return Pair().eval()


def failing() -> nn.Module:
    return Failing().eval()


def other() -> nn.Module:
    return Other().eval()
