"""Copies of modules as people have them: pruned, with weight norm, straight after training, wrapped, in half precision."""

import copy
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from edgekit.errors import CaptureError

_HALVES = (torch.float16, torch.bfloat16)

_log = logging.getLogger(__name__)


def detached_copy(module: nn.Module) -> nn.Module:
    """A deep copy that shares the parameters but has its own buffers: inference can change buffers.

    Tensors that a module computed from its parameters (pruned or normalized weights, kept features) are copied without
    their history.
    """
    memo: dict[int, Any] = {id(parameter): parameter for parameter in module.parameters()}
    try:
        with _computed_tensors_copied():
            return copy.deepcopy(module, memo)
    except Exception as error:
        raise CaptureError(
            f"{type(module).__name__} cannot be deep-copied: {error}. Capture works on a copy. Remove open files and locks "
            "from the attributes of the module."
        ) from error


def full_copy(module: nn.Module) -> nn.Module:
    """A deep copy with its own parameters, for changes of their values or dtype."""
    with _computed_tensors_copied():
        return copy.deepcopy(module)


def unwrapped(module: nn.Module, name: str) -> nn.Module:
    """The module inside the wrappers of training: data parallel, averaged, compiled. Each is reported."""
    while (inner := _inside(module)) is not None:
        _log.warning("%s: the module inside %s is exported", name, type(module).__name__)
        module = inner
    return module


def exportable(module: nn.Module, name: str) -> nn.Module:
    """The module itself, or a float32 copy on the CPU where it is in half precision or on another device; reported."""
    tensors = [*module.parameters(), *module.buffers()]
    halves = sorted({str(t.dtype).removeprefix("torch.") for t in tensors if t.dtype in _HALVES})
    devices = sorted({str(t.device) for t in tensors if t.device.type != "cpu"})
    if not (halves or devices) or isinstance(module, torch.jit.ScriptModule):
        return module
    _log.warning("%s is %s; a float32 copy on the CPU is exported", name, " and on ".join([*halves, *devices]))
    return full_copy(module).to(device="cpu", dtype=torch.float32)


def _inside(module: nn.Module) -> nn.Module | None:
    """What a wrapper wraps; None for any other module. An attribute `module` alone does not make a wrapper."""
    if isinstance(module, nn.DataParallel | nn.parallel.DistributedDataParallel | torch.optim.swa_utils.AveragedModel):
        inner: nn.Module = module.module
        return inner
    compiled = getattr(module, "_orig_mod", None)
    return compiled if isinstance(compiled, nn.Module) else None


@contextmanager
def _computed_tensors_copied() -> Iterator[None]:
    """Lets deepcopy copy tensors that have a history, which torch refuses; the copies have none."""
    original = torch.Tensor.__deepcopy__

    def copied(tensor: torch.Tensor, memo: dict[int, Any]) -> torch.Tensor:
        if tensor.is_leaf or id(tensor) in memo:
            found: torch.Tensor = original(tensor, memo)  # type: ignore[no-untyped-call]
            return found
        return memo.setdefault(id(tensor), tensor.detach().clone())  # type: ignore[no-any-return]

    torch.Tensor.__deepcopy__ = copied  # type: ignore[method-assign]
    try:
        yield
    finally:
        torch.Tensor.__deepcopy__ = original  # type: ignore[method-assign]
