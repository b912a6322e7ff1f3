"""Files that torch alone wrote, whose methods take more than tensors."""

from pathlib import Path

import torch
from packages import save_lite
from torch import nn


class _Scaled(nn.Module):
    def forward(self, x: torch.Tensor, n: int) -> torch.Tensor:
        return x * n


class _First(nn.Module):
    def forward(self, xs: list[torch.Tensor]) -> torch.Tensor:
        return xs[0]


class _Doubled(nn.Module):
    def forward(self, x: torch.Tensor, double: bool = True) -> torch.Tensor:
        return x * 2 if double else x


_MODELS = {"scaled": _Scaled, "first": _First, "doubled": _Doubled}

# The model, how many tensors it gets, and what the message says.
WRONG_CALLS = [
    ("scaled", 1, "takes (x: Tensor, n: int), got 1 tensors", "module that takes tensors only"),
    ("scaled", 2, "takes (x: Tensor, n: int), got 2 tensors", "module that takes tensors only"),
    ("first", 1, "takes (xs: List[Tensor]), got 1 tensors", "module that takes tensors only"),
    ("doubled", 2, "takes (x: Tensor, double: bool, optional), got 2 tensors", "one array for each"),
]


def save_signature(name: str, folder: Path) -> Path:
    return save_lite(torch.jit.script(_MODELS[name]()), folder / f"{name}.ptl")
