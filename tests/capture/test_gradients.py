"""Code that concerns gradients does not keep a model from being exported, even if a branch needs the compiler."""

# ruff: noqa: ARG004  backward and setup_context have the parameters that torch passes

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import edgekit


class Clipped(torch.autograd.Function):
    """Saves values for backward in all usual ways."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, low: float) -> torch.Tensor:
        """Clips below."""
        ctx.low = low
        if low > 0:
            ctx.save_for_backward(x)
        y = x.clamp(min=low)
        ctx.mark_non_differentiable(y)
        return y * 2.0

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> Any:
        return grad, None


class Pair(torch.autograd.Function):
    """Has two outputs, and its forward takes no context."""

    @staticmethod
    def forward(x: torch.Tensor, w: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x @ w, x * 2

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> Any:
        return grads


class Functions(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(8, 4))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        if bool(x.sum() > 0):
            x = -x * 3
        product, twice = Pair.apply(x, self.weight)
        return Clipped.apply(product, 0.5), twice


class Statements(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            y = self.net(x)
            with torch.enable_grad():
                if bool(x.sum() > 0):
                    y = y * 2
        with torch.set_grad_enabled(False):
            y = y + 1
        with torch.inference_mode():
            return y - x.mean()


@pytest.mark.parametrize("recipe", ["mobile", "none"])
@pytest.mark.parametrize("model", [Functions, Statements])
def test_export_code_about_gradients_in_a_model_that_must_be_scripted(
    tmp_path: Path, model: type[nn.Module], recipe: str
) -> None:
    module = model().eval()
    report = edgekit.export(module, ["2x8"], output=tmp_path / "m.ptl", recipe=recipe, server=False)
    assert report.manifest.capture.mode == "script"
    loaded = edgekit.load(tmp_path / "m.ptl")
    for sign in (1, -1):
        x = sign * np.random.default_rng(0).random((2, 8), np.float32)
        with torch.no_grad():
            value = module(torch.from_numpy(x))
        expected = value if isinstance(value, tuple) else (value,)
        for found, wanted in zip(loaded.run([x]).values(), expected, strict=True):
            np.testing.assert_allclose(found, wanted.numpy(), rtol=1e-5, atol=1e-5)
