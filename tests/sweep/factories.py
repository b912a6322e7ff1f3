"""Factories for sweeps: models that export fast, one that is UNPROVEN, and every way to fail. All take 1x8."""

import os
import signal
import time
from pathlib import Path

import torch
from torch import nn


def linear() -> nn.Module:
    return nn.Linear(8, 3)


def tall() -> nn.Module:
    return nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 2))


class _Quiet(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 1.0 + 1e-5 * torch.tanh(x)


def quiet() -> nn.Module:
    """Its answers hardly differ, so nothing proves them."""
    return _Quiet()


def raises() -> nn.Module:
    raise RuntimeError("no kernel for foo::bar_baz | on this machine\nmore")


def dies() -> nn.Module:
    os.kill(os.getpid(), signal.SIGSEGV)
    return linear()


def hungry() -> nn.Module:
    """Takes 50 MB more again and again, and never ends."""
    held = []
    while True:
        held.append(bytearray(os.urandom(1024)) * 50_000)
        time.sleep(0.02)


def waits() -> nn.Module:
    """Writes its process id, and waits until there is a file `go`."""
    Path("pid").write_text(str(os.getpid()))
    while not Path("go").exists():
        time.sleep(0.05)
    return linear()
