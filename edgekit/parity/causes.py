"""Why a model refuses its example or answers it differently each time, and the remedy that follows from the cause."""

import re
from collections.abc import Callable
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from edgekit.sources.blame import calling_place, error_place

_REMEDIES = (
    (
        r"Half|Float16|BFloat16",
        "The exported copy is float32, and the model itself converts a tensor to half precision. Remove that conversion, or "
        "convert to the dtype of the weights, for example x.to(self.weight.dtype).",
    ),
    (
        r"CUDA|NVIDIA|cuda|mps|MPS",
        "The model uses another device than the CPU. Create tensors on the device of an input, for example "
        "torch.ones(5, device=x.device), and register constants as buffers.",
    ),
    (
        r"unexpected keyword argument",
        "The model has no parameter of this name. Correct it, or leave that --input or --bind out.",
    ),
    (
        r"missing \d+ required",
        "Pass each of them: a tensor with --input NAME=SHAPE, another value with --bind NAME=VALUE.",
    ),
    (
        r"must be (a )?Tensor, not (int|float|str|bool|list|dict)\b",
        "The model takes a tensor where it got another value. Pass that parameter with --input NAME=SHAPE, and not with --bind.",
    ),
    (
        r"NoneType",
        "A value is None where the model needs a tensor. If it is a parameter that was left out, pass it with --input "
        "NAME=SHAPE.",
    ),
    (
        r"expected to be a list|list of 3d tensors",
        "The model takes a list of pictures. Export a module that takes one tensor [N,3,H,W], for example backbone and heads.",
    ),
    (
        r"Input type .* and weight type|expected (m1 and m2|scalar type)|same dtype",
        "The dtypes of the input and of the weights differ. Pass the dtype that the model expects with --input.",
    ),
)
_DEFAULT = "Pass the shape, dtype and range that it expects with --input."
_RANDOM = re.compile(
    r"^(.*dropout.*|rand|randn|randint|randperm|rand_like|randn_like|bernoulli|multinomial|normal|poisson|rrelu|"
    r"uniform_|normal_|bernoulli_|random_|exponential_|scaled_dot_product_attention)$"
)
_ATTENTION = "scaled_dot_product_attention"


def remedy_of(error: BaseException) -> str:
    """What to do about an exception of the model, with the line of the user's code that raised it."""
    text = str(error)
    found = next((remedy for pattern, remedy in _REMEDIES if re.search(pattern, text)), _DEFAULT)
    place = error_place(error)
    return f"{found} The line:{place.replace('(', '').replace(')', '')}." if place else found


def random_calls(module: Callable[..., Any], inputs: tuple[torch.Tensor, ...]) -> list[str]:
    """The calls that draw random numbers while a module in eval mode runs, each with the line of the user's code."""
    seen = _RandomCalls()
    with torch.no_grad(), seen:
        module(*inputs)
    return list(dict.fromkeys(seen.calls))


class _RandomCalls(TorchFunctionMode):
    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        if _RANDOM.match(name) and _draws(name, args, kwargs or {}):
            self.calls.append(f"{name}{calling_place()}")
        return func(*args, **(kwargs or {}))


def _draws(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """A dropout draws only in training mode, its third argument and its default; attention with a dropout above 0."""
    if name == _ATTENTION:
        return bool(kwargs.get("dropout_p", args[4] if len(args) > 4 else 0.0) > 0.0)
    if "dropout" not in name:
        return True
    return bool(kwargs.get("training", args[2] if len(args) > 2 else True))


def random_remedy(calls: list[str]) -> str:
    """What to do about random numbers in eval mode."""
    attention = next((call for call in calls if call.startswith(_ATTENTION)), None)
    if attention:
        return f"{attention} has a dropout: pass dropout_p=self.p if self.training else 0.0."
    dropout = next((call for call in calls if "dropout" in call), None)
    if dropout:
        return f"{dropout} is in training mode: pass training=self.training to it."
    if calls:
        return f"{', '.join(calls[:3])} draws random numbers: pass them to the model as an input."
    return (
        "no call of torch draws them, so look for random or numpy.random in forward; draw the numbers outside the model, and "
        "pass them as an input."
    )
