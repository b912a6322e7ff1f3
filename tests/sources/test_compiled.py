"""Modules with compiled parts are exported as they were written, and nothing is compiled on the way."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import edgekit


def _never(*_: Any) -> Any:
    raise AssertionError("compiled")


class Parts(nn.Module):
    """Compiled layers, one inside another, a method compiled on the instance, and one compiled in the class."""

    def __init__(self) -> None:
        super().__init__()
        inner = nn.Sequential(nn.Linear(8, 8), torch.compile(nn.Linear(8, 8), backend=_never))
        self.layers = nn.ModuleList([torch.compile(inner, backend=_never), nn.BatchNorm1d(8)])
        self.again = self.layers[0]
        self.head = nn.Linear(8, 4)
        self.run = torch.compile(self._run, backend=_never)
        self.activate = torch.compile(lambda x: x * torch.sigmoid(x), backend=_never)

    def _run(self, x: torch.Tensor) -> torch.Tensor:
        return self.activate(self.head(self.again(x)))

    @torch.compile(backend=_never)
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            x = layer(x)
        return self.run(x)


@torch.compile(backend=_never)
def doubled(x: torch.Tensor) -> torch.Tensor:
    return x * 2


class CallsCompiled(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return doubled(x)


@pytest.fixture(autouse=True)
def _reset() -> Iterator[None]:
    yield
    torch._dynamo.reset()


def test_export_module_with_compiled_parts_is_exported_as_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    torch.manual_seed(0)
    model = Parts().eval()
    package = edgekit.export(model, ["2x8"], name="m", output=tmp_path / "m.ptl", server=False).package
    assert "m: forward, run, activate, layers.0, layers.0._orig_mod.1 exported as before torch.compile" in caplog.text
    assert type(model.layers[0]).__name__ == "OptimizedModule"
    x = torch.rand(2, 8)
    with torch.no_grad(), torch.compiler.set_stance("force_eager"):
        wanted = model(x)
    found = edgekit.load(package).run([x.numpy()])["0"]
    assert torch.allclose(torch.from_numpy(found), wanted, atol=1e-5)


def test_export_module_that_calls_a_compiled_function_compiles_nothing(tmp_path: Path) -> None:
    edgekit.export(CallsCompiled(), ["2x8"], name="m", output=tmp_path / "m.ptl", server=False)
