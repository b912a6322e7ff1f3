"""Copies of modules as people have them: pruned, with weight norm, straight after training, wrapped, in half precision."""

import copy
import logging
import traceback
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from edgekit.errors import CaptureError, first_line

_HALVES = (torch.float16, torch.bfloat16)

_log = logging.getLogger(__name__)


def detached_copy(module: nn.Module) -> nn.Module:
    """A deep copy that shares the parameters but has its own buffers: inference can change buffers.

    Tensors that a module computed from its parameters (pruned or normalized weights, kept features) are copied without
    their history.
    """
    memo: dict[int, Any] = {id(parameter): parameter for parameter in module.parameters()}
    try:
        return _copied(module, memo)
    except Exception as error:
        what = _refused(error, module)
        raise CaptureError(
            f"{type(what).__name__} cannot be deep-copied: {first_line(error).rstrip('. ')}. Capture works on a copy. Change the "
            "class so that copy.deepcopy(model) works."
        ) from error


def full_copy(module: nn.Module) -> nn.Module:
    """A deep copy with its own parameters, for changes of their values or dtype."""
    return _copied(module, {})


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
    if not (halves or devices):
        return module
    _log.warning("%s is %s; a float32 copy on the CPU is exported", name, " and on ".join([*halves, *devices]))
    with torch.no_grad():  # or the weights of TorchScript would be copied with their history
        return full_copy(module).to(device="cpu", dtype=torch.float32)


def _inside(module: nn.Module) -> nn.Module | None:
    """What a wrapper wraps; None for any other module. An attribute `module` alone does not make a wrapper."""
    if isinstance(module, nn.DataParallel | nn.parallel.DistributedDataParallel | torch.optim.swa_utils.AveragedModel):
        inner: nn.Module = module.module
        return inner
    compiled = getattr(module, "_orig_mod", None)
    return compiled if isinstance(compiled, nn.Module) else None


def _copied(module: nn.Module, memo: dict[int, Any]) -> nn.Module:
    with _computed_tensors_copied():
        copied = _sharing(module, memo)
    for part in copied.modules():
        for hooks in (part._forward_pre_hooks, part._forward_hooks):
            for key, hook in list(hooks.items()):
                hooks[key] = _rebound(hook, memo)
    return copied


def _sharing(module: nn.Module, memo: dict[int, Any]) -> nn.Module:
    """A deep copy that shares the attributes which cannot be copied, such as locks, open files and generators."""
    while True:
        attempt = memo.copy()
        try:
            copied = copy.deepcopy(module, attempt)
        except Exception as error:
            what = _refused(error, module)
            if isinstance(what, nn.Module | torch.Tensor) or id(what) in memo:
                raise
            memo[id(what)] = what
        else:
            memo.update(attempt)
            return copied


def _refused(error: Exception, module: nn.Module) -> Any:
    """The innermost object that deepcopy was asked to copy when it failed."""
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    return next((f.f_locals["x"] for f in [*frames][::-1] if f.f_code is copy.deepcopy.__code__), module)


def _rebound(hook: Any, memo: dict[int, Any]) -> Any:
    """A hook that sees the copies of the objects that it encloses, such as its module: deepcopy keeps functions as they are."""
    if not isinstance(hook, types.FunctionType) or not hook.__closure__:
        return hook
    enclosed = [cell.cell_contents for cell in hook.__closure__]
    cells = tuple(types.CellType(memo.get(id(value), value)) for value in enclosed)
    made = types.FunctionType(hook.__code__, hook.__globals__, hook.__name__, hook.__defaults__, cells)
    made.__kwdefaults__ = hook.__kwdefaults__
    return made


@contextmanager
def _computed_tensors_copied() -> Iterator[None]:
    """Lets deepcopy copy tensors that have a history, which torch refuses; the copies have none."""
    kind: Any = torch.Tensor  # of which a method is replaced
    original = kind.__deepcopy__

    def copied(tensor: torch.Tensor, memo: dict[int, Any]) -> torch.Tensor:
        if tensor.is_leaf or id(tensor) in memo:
            found: torch.Tensor = original(tensor, memo)
            return found
        made: torch.Tensor = memo.setdefault(id(tensor), tensor.detach().clone())
        return made

    kind.__deepcopy__ = copied
    try:
        yield
    finally:
        kind.__deepcopy__ = original
