"""`edgekit export --dynamic`: what is proved, what is refused, and the exit codes."""

from pathlib import Path

import pytest

from cli.command import Command

NET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, 2, 1)

    def forward(self, x):
        y = self.conv(x)
        return torch.cat([nn.functional.interpolate(y, scale_factor=2.0), x], 1).mean((2, 3))

class Table(nn.Module):
    def __init__(self):
        super().__init__()
        self.positions = nn.Parameter(torch.randn(20, 8))

    def forward(self, x, *_):
        return (x + self.positions[: x.shape[1]]).tanh().sum(1)

class Window(Table):
    def forward(self, x, *_):
        return x[:, -9:].sum(1) if x.shape[1] > 9 else x.sum(1)
"""


@pytest.fixture
def net(folder: Path) -> Path:
    path = folder / "net.py"
    path.write_text(NET)
    return path


def test_dynamic_ranges_are_proved_and_shown(cli: Command, net: Path) -> None:
    dynamic = ("--dynamic", "x:2=4-40/2,x:3=2-100/2", "--dynamic", "x:0=1-3")
    cli("export", f"{net}:Net", "--input", "1x3x16x16", *dynamic, "-o", "m.ptl", "--no-server").passed(
        "x: float32 [1..3, 3, 4..40 by 2, 2..100 by 2]"
    )
    cli("inspect", "m.ptl").passed("x: float32 [1..3, 3, 4..40 by 2, 2..100 by 2]")


@pytest.mark.parametrize(
    ("model", "given", "dynamic", "message"),
    [
        ("Net", "1x3x16x16", "2=2-40", "refuses the size 15 of axis 2 of x"),
        ("Table", "1x12x8", "x:1=1-30", "x:1=1-20"),
        ("Table", "1x12x8", "x:2=8-16", "refuses the size"),
        ("Window", "1x6x8", "x:1=1-20", "trace of"),
    ],
)
def test_dynamic_range_that_cannot_be_proved_exits_1(
    cli: Command, net: Path, model: str, given: str, dynamic: str, message: str
) -> None:
    done = cli("export", f"{net}:{model}", "--input", given, "--dynamic", dynamic, "-o", "m.ptl")
    done.failed(1, message, "Ask for sizes that can be proved")
    assert not Path("m.ptl").exists()


@pytest.mark.parametrize(
    ("dynamic", "message"),
    [("2:1-320", "is malformed"), ("y:2=1-320", "there is no input 'y'"), ("2=1-8", "the size of the example is 16")],
)
def test_dynamic_mistake_exits_2(cli: Command, net: Path, dynamic: str, message: str) -> None:
    cli("export", f"{net}:Net", "--input", "1x3x16x16", "--dynamic", dynamic, "-o", "m.ptl").failed(2, message)
