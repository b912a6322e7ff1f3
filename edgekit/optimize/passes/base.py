"""The passes that recipes are made of: each takes a ScriptModule and gives a new one."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import torch
from torch._C import _MobileOptimizerType as MobileOptimizerType
from torch.jit._recursive import wrap_cpp_module
from torch.utils.mobile_optimizer import optimize_for_mobile

_CHANNELS_LAST = 2  # the integer value of torch.channels_last in TorchScript
_CONTIGUOUS = 0
_MIN_CONVOLUTIONS = 2

# What optimize_for_mobile can leave out on a CPU, by the names that the manifest records.
MOBILE_PARTS = (
    "CONV_BN_FUSION",
    "INSERT_FOLD_PREPACK_OPS",
    "FUSE_ADD_RELU",
    "HOIST_CONV_PACKED_PARAMS",
    "REMOVE_DROPOUT",
)


@dataclass(frozen=True, slots=True)
class Context:
    """What a pass may know of the model: the ranks of the inputs and outputs of `forward`, in order."""

    input_ranks: tuple[int, ...]
    output_ranks: tuple[int, ...]
    lone_output: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """`apply(module, context, left_out)` leaves its input as it is; `parts` can be left out one by one; `fits` says
    whether the pass has anything to do for a module."""

    name: str
    apply: Callable[[torch.jit.ScriptModule, Context, Collection[str]], torch.jit.ScriptModule]
    parts: tuple[str, ...] = ()
    fits: Callable[[torch.jit.ScriptModule, Context], str] = lambda _module, _context: ""


def is_frozen(module: torch.jit.ScriptModule) -> bool:
    return not hasattr(module, "training")  # freezing drops the attribute, and refuses to run twice


def _freeze(module: torch.jit.ScriptModule, _: Context, __: Collection[str]) -> torch.jit.ScriptModule:
    if is_frozen(module):
        return module
    frozen: torch.jit.ScriptModule = torch.jit.freeze(module.eval())
    return frozen


def _mobile(module: torch.jit.ScriptModule, _: Context, left_out: Collection[str]) -> torch.jit.ScriptModule:
    blocklist = {getattr(MobileOptimizerType, name) for name in left_out}
    optimized: torch.jit.ScriptModule = optimize_for_mobile(module, optimization_blocklist=blocklist)
    return optimized


def _convolutions(module: torch.jit.ScriptModule) -> int:
    graph: Any = module.graph  # torch's stubs leave most of the graph's methods out
    return sum(len(list(graph.findAllNodes(name, recurse=True))) for name in ("aten::_convolution", "aten::conv2d"))


def _channels_last_fits(module: torch.jit.ScriptModule, context: Context) -> str:
    if not is_frozen(module):
        return "the module is not frozen"
    if 4 not in context.input_ranks:
        return "no input of rank 4"
    if _convolutions(module) < _MIN_CONVOLUTIONS:
        return f"fewer than {_MIN_CONVOLUTIONS} convolutions"
    return ""


def _channels_last(module: torch.jit.ScriptModule, context: Context, _: Collection[str]) -> torch.jit.ScriptModule:
    """Converts rank-4 inputs at the front of the graph, and a lone rank-4 output back at its end.

    XNNPACK's prepacked convolutions are NHWC inside and convert an NCHW input at every operator; one conversion at the
    front lets the layout flow through the whole graph.
    """
    # Freezing what is frozen is the one copy of graphs that Python can ask for; constants stay shared.
    changed: torch.jit.ScriptModule = wrap_cpp_module(torch._C._freeze_module(module._c, [], True, False))
    graph: Any = changed.graph
    front = next(iter(graph.nodes()))
    for value, rank in zip(list(graph.inputs())[1:], context.input_ranks, strict=False):
        if rank == 4:
            node = _insert_contiguous(graph, value, front, _CHANNELS_LAST)
            value.replaceAllUsesAfterNodeWith(node, node.output())
    if context.lone_output and context.output_ranks == (4,):
        end = graph.return_node()
        node = _insert_contiguous(graph, next(iter(graph.outputs())), end, _CONTIGUOUS)
        end.replaceInput(0, node.output())
    torch._C._jit_pass_lint(graph)
    return changed


def _insert_contiguous(graph: Any, value: torch.Value, before: torch.Node, layout: int) -> torch.Node:
    graph.setInsertPoint(before)
    node: torch.Node = graph.create("aten::contiguous", [value, graph.insertConstant(layout)], 1)
    graph.insertNode(node)
    return node


FREEZE = Pass(name="freeze", apply=_freeze)
CHANNELS_LAST = Pass(name="channels_last", apply=_channels_last, fits=_channels_last_fits)
OPTIMIZE_FOR_MOBILE = Pass(name="optimize_for_mobile", apply=_mobile, parts=MOBILE_PARTS)
