"""Small models like those of users, and models that fail in known ways. BatchNorm always has random statistics."""

import torch
import torch.nn.functional as F
from torch import nn


def perturb_batchnorm(module: nn.Module, seed: int = 0) -> nn.Module:
    """Sets statistics with which a lost BatchNorm shift changes the answer."""
    generator = torch.Generator().manual_seed(seed)
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.running_mean.uniform_(-1.0, 1.0, generator=generator)
            norm.running_var.uniform_(0.5, 2.0, generator=generator)
            with torch.no_grad():
                norm.weight.uniform_(0.5, 1.5, generator=generator)
                if norm.bias is not None:
                    norm.bias.uniform_(-1.0, 1.0, generator=generator)
    return module


class ConvNet(nn.Module):
    """Twice Conv(bias=False) + BatchNorm + ReLU, then a classifier."""

    def __init__(self, classes: int = 5) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Conv2d(8, 16, 3, stride=2, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
        )
        self.classifier = nn.Linear(16, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.features(x).flatten(1))


def conv_net() -> nn.Module:
    return perturb_batchnorm(ConvNet())


class DynamicModel(nn.Module):
    """The model of the PyTorch tutorial: it takes another branch if the sum is positive."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.sum() > 0:
            return self.linear(x)
        return -2.0 * self.linear(x) + 1.0


@torch.jit.script
def sign_dependent(x: torch.Tensor) -> torch.Tensor:
    """A scripted helper, called from a model that is traced."""
    if bool(x.sum() > 0):
        return x * 2.0
    return x - 1.0


class ScriptedHelper(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(sign_dependent(x))


class VariableLoop(nn.Module):
    """A loop over the length of its input."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.Linear(8, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        state = torch.zeros(8)
        for i in range(x.size(0)):
            state = torch.tanh(self.cell(x[i]) + 0.5 * state)
        return state


class Unscriptable(nn.Module):
    """The compiler refuses its forward (a set, a generator), and tracing would fix a branch in its child."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = DynamicModel()
        self.out = nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        parts = {name: value for name, value in zip("ab", (x, 2 * x), strict=True)}  # noqa: C416  the comprehension is tested
        return self.out(self.inner(sum(parts.values())))


def branch(x: torch.Tensor) -> torch.Tensor:
    """A plain helper with control flow that depends on data."""
    if bool(x.max() > 1.0):
        return x.clamp(max=1.0)
    return x * 3.0


class UnscriptableWithFunction(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, *args: torch.Tensor) -> torch.Tensor:
        return branch(self.linear(next(iter(args))))


class Hopeless(nn.Module):
    """Data-dependent control flow in a forward that cannot be scripted."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        label = f"{float(x.sum()):.3f}"
        return x * len(list(filter(str.isdigit, label))) if label.startswith("-") else x


class ZeroedBias(nn.Module):
    """The attention of swin_v2 in eight lines: it clones the bias of a linear layer, and zeroes it in place."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        bias = self.linear.bias.clone()
        bias[3:6].zero_()
        return F.linear(x, self.linear.weight, bias)


class SometimesMasked(nn.Module):
    """Attention with a mask on some runs only, so `decompose_attention` leaves it fused."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mask: torch.Tensor | None = None
        if bool(x.sum() > 0):
            mask = torch.ones(x.size(1), x.size(1), dtype=torch.bool).tril()
        return F.scaled_dot_product_attention(x, x, x, attn_mask=mask)


class Counter(nn.Module):
    """Counts its calls in a buffer. The answer does not depend on it."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))
        self.linear = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return self.linear(x)


class Stateful(Counter):
    """Counts its calls in a buffer. The answer depends on it."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return self.linear(x) * self.calls


class Noisy(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.rand_like(x)


class TwoInputs(nn.Module):
    """Takes token ids and a mask, and returns a dict."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(50, 8)
        self.head = nn.Linear(8, 3)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> dict[str, torch.Tensor]:
        hidden = self.embedding(ids) * mask.unsqueeze(-1)
        return {"logits": self.head(hidden.sum(1)), "hidden": hidden}


class ScriptedLoopLSTM(nn.Module):
    """An LSTM cell in a loop over a sequence of any length."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(12, 16)
        self.head = nn.Linear(16, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = torch.zeros(x.size(1), 16)
        cell = torch.zeros(x.size(1), 16)
        for t in range(x.size(0)):
            hidden, cell = self.cell(x[t], (hidden, cell))
        return self.head(hidden)


def small_encoder() -> nn.Module:
    layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True, dropout=0.1)
    return nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)


class NoInputs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.arange(6.0).reshape(2, 3))

    def forward(self) -> torch.Tensor:
        return self.table * 2.0


class NotANumber(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.log(-x.abs() - 1.0)


class Constant(nn.Module):
    """The answer is the same for every input, so no probe can prove anything."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.zeros_like(x).clamp(min=1.0)


class FixedSize(nn.Module):
    """Works for any size in eager mode only: numpy makes the grid, so tracing fixes its size and scripting fails."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        import numpy as np

        return x * torch.from_numpy(np.linspace(0.5, 1.5, x.shape[-1], dtype=np.float32))


class PaddedEncoder(nn.Module):
    """A transformer encoder with a padding mask. torch's fused path returns zeros at padded positions if `nested`."""

    def __init__(self, nested: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True)
        self.embedding = nn.Embedding(20, 32)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=nested)

    def forward(self, ids: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        padded = torch.arange(ids.shape[1]) >= lengths.unsqueeze(1)
        return self.encoder(self.embedding(ids), src_key_padding_mask=padded)


class Deep(nn.Module):
    """Rounding grows from layer to layer: the eager answer is more than 1e-5 off float64."""

    def __init__(self, layers: int = 24) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        parts: list[nn.Module] = [nn.Conv2d(3, 16, 1)]
        for _ in range(layers):
            conv, norm = nn.Conv2d(16, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16)
            with torch.no_grad():
                conv.weight.copy_(torch.randn(conv.weight.shape, generator=generator) * 0.17)
                norm.running_mean.copy_(torch.randn(16, generator=generator))
                norm.running_var.fill_(0.5)
            parts += [conv, norm, nn.ReLU6()]
        self.body = nn.Sequential(*parts)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(x).mean((2, 3))


class Steps(nn.Module):
    """A segmenter with outputs that jump: a label map, a mask, a picture of bytes, and a float mask, beside a smooth one."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1)
        )
        self.head = nn.Conv2d(16, 5, 1)
        perturb_batchnorm(self)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        y = self.head(self.body(x))
        picture = (torch.sigmoid(y[:, :3]) * 255).round().to(torch.uint8)
        mask = y[:, :1] > 0.1
        return {"smooth": y, "labels": y.argmax(1), "mask": mask, "picture": picture, "soft": mask.float()}


class Chaos(nn.Module):
    """A map that doubles differences in each step; from zero it stays at zero unless something is nudged."""

    def __init__(self, steps: int = 60) -> None:
        super().__init__()
        self.steps = steps
        self.scale = nn.Parameter(torch.tensor(3.97))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.sigmoid(x)
        for _ in range(self.steps):
            y = self.scale * y * (1.0 - y)
        return y
