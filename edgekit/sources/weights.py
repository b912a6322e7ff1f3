"""Weights for a model: torchvision's, a checkpoint, or seeded random ones that do not hide errors."""

import hashlib
import pickle
import re
import socket
import urllib.error
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from edgekit.errors import SourceError, UsageError, first_line

_BATCHNORM = (nn.modules.batchnorm._BatchNorm,)
_PASSES, _BATCH = 2, 4
_SCALES, _SHIFTS = (0.4, 0.8), (0.2, 0.8)
_NAMED = 5  # an error lists at most this many wrong keys
_CONNECT_SECONDS = 15.0


class DownloadError(SourceError):
    """The weights are not in the cache, and the download failed."""


def _dense(tensor: torch.Tensor) -> torch.Tensor:
    if tensor.is_quantized:
        return tensor.dequantize()
    return tensor if tensor.layout is torch.strided else tensor.to_dense()


def state_digest(state: Mapping[str, Any]) -> str:
    """SHA-256 over the names, dtypes, shapes and bytes of a state dict, sorted by name."""
    sha = hashlib.sha256()
    for name in sorted(state):
        if isinstance(state[name], torch.Tensor):
            tensor = state[name].detach()
            tensor = _dense(tensor).cpu().contiguous()
            dtype = str(tensor.dtype).removeprefix("torch.")
            sha.update(f"{name} {dtype} {list(tensor.shape)}\n".encode())
            sha.update(tensor.reshape(-1).view(torch.uint8).numpy().data)  # numpy has no bfloat16
    return sha.hexdigest()


def download(weights: Any) -> Mapping[str, Any]:
    """The state dict of a member of a torchvision weights enum, from torch.hub's cache or the network.

    Raises:
        DownloadError: the download failed, or the downloaded file has the wrong hash.
        SourceError: the file in the cache has the wrong hash.
    """
    _check_cached(Path(torch.hub.get_dir()) / "checkpoints" / Path(weights.url).name)
    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_CONNECT_SECONDS)  # torch.hub sets no timeout, so a silent network would block forever
    try:
        state: Mapping[str, Any] = weights.get_state_dict(progress=False, check_hash=True)
    except (urllib.error.URLError, OSError, RuntimeError, pickle.UnpicklingError, EOFError) as error:
        raise DownloadError(
            f"weights {weights} are unavailable: {error}. Connect to the network, or put the file "
            f"{Path(weights.url).name} into {Path(torch.hub.get_dir()) / 'checkpoints'}, or pass --checkpoint FILE or"
            " --weights random."
        ) from error
    finally:
        socket.setdefaulttimeout(timeout)
    return state


def _check_cached(path: Path) -> None:
    """Compares a cached file with the hash in its name. torch.hub does this only for downloads."""
    promised = re.search(r"-([0-9a-f]{8,64})\.", path.name)
    if promised is None or not path.is_file():
        return
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if not found.startswith(promised[1]):
        raise SourceError(
            f"{path} is damaged, or is a different file: its sha256 is {found[:16]}…, and its name promises {promised[1]}…. "
            "Delete it; edgekit then downloads it again."
        )


def load_state(module: nn.Module, state: Mapping[str, Any], what: str) -> None:
    """Loads a state dict whose keys and shapes must match the module exactly, or that the module itself converts.

    Raises:
        SourceError: keys are missing or surplus, or shapes differ, or a tensor has no values; the message lists the first few.
    """
    if empty := [key for key, value in state.items() if isinstance(value, torch.Tensor) and value.is_meta]:
        raise SourceError(f"{what} has no values for {first_names(empty)}. Save the weights from the CPU or a GPU.")
    state = {key: value.to_dense() if _is_sparse(value) else value for key, value in state.items()}
    own = {key: value for key, value in module.state_dict().items() if isinstance(value, torch.Tensor)}
    problems = [
        ("lacks", [key for key in own if key not in state]),
        ("has surplus", [key for key in state if key not in own]),
        (
            "has different shapes for",
            [
                f"{key} (expected {list(own[key].shape)}, got {list(state[key].shape)})"
                for key in own
                if key in state and own[key].shape != state[key].shape
            ],
        ),
    ]
    differences = [f"{verb} {first_names(names)}" for verb, names in problems if names]
    if differences and not _converted(module, state):
        others = any(names for _, names in problems[:2])
        remedy = (
            "" if others else "make the model with the sizes of the weights, for example its number of classes, or "
        )
        remedy = f"{remedy}pass the weights of this architecture."
        raise SourceError(
            f"{what} does not fit {type(module).__name__}: it {'; it '.join(differences)}. {remedy[0].upper()}{remedy[1:]}"
        )
    if not differences:
        module.load_state_dict(state)


def _converted(module: nn.Module, state: dict[str, Any]) -> bool:
    """Loads a state dict that the module's own hooks bring to its keys, such as those of an older version of its layers."""
    try:
        module.load_state_dict(state)
    except Exception:  # the hooks are any code; the caller names what does not fit
        return False
    return True


def _is_sparse(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.layout is not torch.strided and not value.is_quantized


def first_names(names: list[str]) -> str:
    """The first few of the names, and how many more there are."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def choose_named(name: str, available: Any) -> Any:
    """A member of a torchvision weights enum by its name."""
    members = {member.name: member for member in available}
    key = name.rpartition(".")[2]
    if key not in members:
        raise UsageError(
            f"weights {name!r} do not exist for this model; expected default, random, or one of {', '.join(members)}."
        )
    return members[key]


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seeds torch's random numbers, and restores the user's state of the generator at the end."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def randomize(module: nn.Module, inputs: tuple[torch.Tensor, ...], seed: int) -> None:
    """Makes random weights on which a wrong conversion gives a wrong answer.

    A freshly initialized model has BatchNorm with mean 0 and variance 1, and constant biases or heads. On these, wrong
    conversions can give right answers. So BatchNorm gets statistics from a few train-mode passes on seeded random inputs,
    and noise is added to those statistics and to all constant parameters.

    BatchNorm's scales and shifts are drawn so that most activations stay in the linear range. With the usual 1 and 0, a
    random network multiplies rounding errors by about 1.2 per layer (Yang et al., A Mean Field Theory of Batch
    Normalization, 2019), and a deep one would differ by more than 1e-5 from itself in float64.
    """
    norms = [m for m in module.modules() if isinstance(m, _BATCHNORM)]
    with seeded(seed), torch.no_grad():
        for norm in norms:
            if norm.affine:
                norm.weight.uniform_(*_SCALES)
                norm.bias.uniform_(*_SHIFTS)
        if norms:
            _calibrate(module, norms, inputs)
        for norm in norms:
            if norm.running_mean is not None and norm.running_var is not None:
                norm.running_mean += 0.1 * norm.running_var.sqrt() * torch.randn_like(norm.running_mean)
                norm.running_var *= torch.empty_like(norm.running_var).uniform_(0.8, 1.25)
        for parameter in module.parameters():
            if (
                parameter.is_floating_point()
                and parameter.numel() > 1
                and bool((parameter == parameter.flatten()[0]).all())
            ):
                scale = 0.02 * max(1.0, 5.0 * float(parameter.flatten()[0].abs()))
                parameter.add_(torch.randn_like(parameter), alpha=scale)


def _calibrate(module: nn.Module, norms: list[Any], inputs: tuple[torch.Tensor, ...]) -> None:
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.train()
        norm.momentum = None  # a plain average over the passes
        norm.reset_running_stats()
    try:
        for _ in range(_PASSES):
            module(*(_random_like(tensor) for tensor in inputs))
    except (RuntimeError, ValueError) as error:
        raise SourceError(
            f"{type(module).__name__} refuses a batch of {_BATCH} random inputs {[list(t.shape) for t in inputs]}, which "
            f"random BatchNorm statistics need: {first_line(error)} Pass the input shape with --input."
        ) from error
    finally:
        module.eval()
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum


def _random_like(tensor: torch.Tensor) -> torch.Tensor:
    shape = (_BATCH, *tensor.shape[1:]) if tensor.dim() > 1 and tensor.shape[0] == 1 else tensor.shape
    if tensor.is_floating_point():
        return torch.randn(shape, dtype=tensor.dtype)
    repeats = [size // own for size, own in zip(shape, tensor.shape, strict=True)]
    return tensor.repeat(repeats) if repeats else tensor
