"""The eager model with other kernels: in float64, or with results that are off in their last bits, as on another device."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import torch
from torch import nn
from torch.utils._pytree import tree_map

from edgekit.dispatch import DispatchMode
from edgekit.parity.eager import Array, FreshModel, run
from edgekit.parity.probes import Probe
from edgekit.sources.copies import full_copy

LAST_BIT = 2.0**-23
_MOST_KEPT = 1 << 27  # parameters, which take 1 GB in float64
_PATTERN = 4099  # a prime, so that the pattern of nudges does not repeat along an axis
_ROWS = 8  # patterns in the part of a tensor that is nudged at a time, so that it stays in the processor's cache


class Kernels(DispatchMode):
    """Another way to run every operator of a model."""

    def converted(self, tensor: torch.Tensor) -> torch.Tensor:
        """An input or a parameter as these kernels take it."""
        raise NotImplementedError

    def module(self, module: nn.Module) -> nn.Module:
        """The model as these kernels run it."""
        return module


class InFloat64(Kernels):
    """Runs float32 operators in float64, and keeps conversions to float32 from taking place."""

    def __init__(self) -> None:
        super().__init__()
        self._of: nn.Module | None = None
        self._kept: FreshModel | None = None

    def converted(self, tensor: torch.Tensor) -> torch.Tensor:
        return tensor.double() if tensor.dtype == torch.float32 else tensor

    def module(self, module: nn.Module) -> nn.Module:
        """A copy in float64. One that is not large is kept for the next run, since a copy takes as long as some runs."""
        if sum(parameter.numel() for parameter in module.parameters()) > _MOST_KEPT:
            return full_copy(module).double()
        if module is not self._of or self._kept is None:
            self._of, self._kept = module, FreshModel(full_copy(module).double())
        return self._kept.module

    def __torch_dispatch__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        args, kwargs = tree_map(self._wide, (tuple(args), kwargs or {}))
        return func(*args, **kwargs)

    def _wide(self, value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return self.converted(value)
        return torch.float64 if value is torch.float32 else value


class Nudged(Kernels):
    """Changes the result of every operator by up to `scale` last bits. The same seed gives the same changes."""

    def __init__(self, scale: float, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        factors = 1.0 + (torch.rand(_PATTERN, generator=generator) * 2 - 1) * (scale * LAST_BIT)
        self._factors = factors.repeat(1 + _ROWS)
        self._offset = 0

    def converted(self, tensor: torch.Tensor) -> torch.Tensor:
        if not _is_nudgeable(tensor):
            return tensor
        changed = tensor.clone()
        self._nudge(changed)
        return changed

    def _nudge(self, tensor: torch.Tensor) -> None:
        """Changes a tensor, as its elements are in row-major order. Whole numbers stay: they are counts, masks or zeros."""
        self._offset = (self._offset + 977) % _PATTERN
        rows = min(max(-(-tensor.numel() // _PATTERN), 1), _ROWS)
        factors = self._factors[_PATTERN - self._offset :].to(tensor.dtype)
        flat = tensor.contiguous()
        for part in flat.view(-1).split(_PATTERN * rows):
            nudged = part * factors[: part.numel()]
            part.copy_(torch.where(part == part.round(), part, nudged))
        if not tensor.is_contiguous():
            tensor.copy_(flat)

    def __torch_dispatch__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        value = func(*args, **(kwargs or {}))
        if any(result.alias_info is not None and not result.alias_info.is_write for result in func._schema.returns):
            return value  # a view
        for result in value if isinstance(value, tuple | list) else (value,):
            if isinstance(result, torch.Tensor) and _is_nudgeable(result):
                self._nudge(result)
        return value


def _is_nudgeable(tensor: torch.Tensor) -> bool:
    return tensor.is_floating_point() and tensor.layout == torch.strided


def other_answer(module: nn.Module, probe: Probe, kernels: Kernels) -> dict[str, Array] | None:
    """The answer with other kernels; None if the model does not run with them.

    TorchScript can crash under a dispatch mode and with float64 inputs. So only its inputs and parameters are nudged.
    """
    scripted = any(isinstance(part, torch.jit.ScriptModule) for part in module.modules())
    if scripted and isinstance(kernels, InFloat64):
        return None
    inputs = tuple(map(kernels.converted, probe.inputs))
    try:
        changed = _converted_copy(module, kernels) if scripted else kernels.module(module)
        with nullcontext() if scripted else kernels:
            return run(changed, replace(probe, inputs=inputs))[1]
    except MemoryError:
        raise
    except Exception:  # for example for a kernel without float64
        return None


def _converted_copy(module: nn.Module, kernels: Kernels) -> nn.Module:
    copied = full_copy(module)
    for tensor in (*copied.parameters(), *copied.buffers()):
        tensor.data = kernels.converted(tensor.data)
    return copied
