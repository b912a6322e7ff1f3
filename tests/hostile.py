"""Files without a manifest on which libtorch crashes, hangs or takes more memory than there is. They take float32 [4]."""

from pathlib import Path

import torch
from packages import save_lite


class Endless(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        while bool((x == x).all()):
            x = x * 1.0
        return x


class Crash(torch.nn.Module):
    """The quotient does not fit 64 bits, which libtorch does not check: SIGFPE on x86."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        one = int(x[0])
        return x * ((-9223372036854775807 - one) // (-one))


class Bomb(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.ones(1 << 40)[0]


def hanging(path: Path) -> Path:
    return save_lite(torch.jit.script(Endless()), path)


def bomb(path: Path) -> Path:
    """Asks for 4 TB."""
    return save_lite(torch.jit.script(Bomb()), path)


def crashing(path: Path) -> Path:
    return save_lite(torch.jit.script(Crash()), path)
