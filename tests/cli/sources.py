"""Factories for the tests of `edgekit export`: good ones and every kind of bad one."""

import torch
from models import Noisy, NotANumber, conv_net
from torch import nn

not_callable = 42
instance = nn.Linear(4, 2)


def classifier() -> nn.Module:
    return conv_net().eval()


class _Wrapped(nn.Module):
    """Its attribute is called module, and its own buffer stands beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.module = conv_net()
        self.register_buffer("mean", torch.full((1, 3, 1, 1), 0.5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.module(x - self.mean)


def with_module() -> nn.Module:
    return _Wrapped().eval()


def in_train_mode() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5))


def raises() -> nn.Module:
    return nn.Linear(4, "four")


def exits() -> nn.Module:
    raise SystemExit(0)


def no_module() -> dict[str, int]:
    return {"weights": 1}


def needs_argument(width: int) -> nn.Module:
    return nn.Linear(width, 1)


def chatty() -> nn.Module:
    print("downloading the internet")
    return nn.Linear(4, 2)


def on_meta() -> nn.Module:
    return nn.Linear(4, 2, device="meta")


def lazy() -> nn.Module:
    return nn.LazyLinear(4)


class _Complex(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.complex(x, x)


class _Half(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.to(torch.bfloat16)


class _KeywordOnly(nn.Module):
    def forward(self, x: torch.Tensor, *, mask: torch.Tensor) -> torch.Tensor:
        return x * mask


class _OddKeys(nn.Module):
    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"../a/b": x + 1.0, "c": x * 2.0}


def complex_output() -> nn.Module:
    return _Complex()


def bfloat16_output() -> nn.Module:
    return _Half()


def keyword_only() -> nn.Module:
    return _KeywordOnly()


def odd_keys() -> nn.Module:
    return _OddKeys()


class _Sparse(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.eye(4).to_sparse() * x


class _SameNames(nn.Module):
    def forward(self, x: torch.Tensor) -> dict[str, object]:
        return {"a.b": x, "a": {"b": 2.0 * x}}


def sparse_output() -> nn.Module:
    return _Sparse()


def same_names() -> nn.Module:
    return _SameNames()


def not_a_number() -> nn.Module:
    return NotANumber()


def noisy() -> nn.Module:
    return Noisy()


def doubles() -> nn.Module:
    return nn.Linear(4, 2, dtype=torch.float64)


class _Exponential(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.exp()


def exponential() -> nn.Module:
    return _Exponential()


class _Codec(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down, self.up, self.words = nn.Linear(8, 3), nn.Linear(3, 8), nn.Embedding(10, 4)

    @torch.jit.export
    def encode(self, x: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.down(x))

    @torch.jit.export
    def decode(self, z: torch.Tensor) -> torch.Tensor:
        return self.up(z)

    def mix(self, ids: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return self.words(ids) * y

    def table(self) -> torch.Tensor:
        return self.down.weight * 2.0

    def pair(self, xs: list[torch.Tensor]) -> torch.Tensor:
        return self.down(xs[0] + xs[1])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.decode(self.encode(x))


def codec() -> nn.Module:
    torch.manual_seed(0)
    return _Codec().eval()
