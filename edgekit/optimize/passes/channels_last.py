"""Converts rank-4 inputs to channels_last at the start of the graph. `contiguous_outputs` converts the outputs back.

XNNPACK's prepacked convolutions use NHWC internally and convert an NCHW input at every operator. With one conversion at
the start, the whole graph works in NHWC.
"""

from collections.abc import Collection

import torch

from edgekit.optimize.passes.base import Context, Pass, copy_frozen, graph_of, is_frozen

_CHANNELS_LAST = 2  # the integer value of torch.channels_last in TorchScript
_MIN_CONVOLUTIONS = 2


def _unfit(module: torch.jit.ScriptModule, context: Context) -> str:
    if not is_frozen(module):
        return "the module is not frozen"
    if 4 not in context.input_ranks:
        return "no input of rank 4"
    if _convolutions(module) < _MIN_CONVOLUTIONS:
        return f"fewer than {_MIN_CONVOLUTIONS} convolutions"
    return ""


def _convolutions(module: torch.jit.ScriptModule) -> int:
    graph = graph_of(module)
    return sum(len(list(graph.findAllNodes(name, recurse=True))) for name in ("aten::_convolution", "aten::conv2d"))


def _apply(module: torch.jit.ScriptModule, context: Context, _: Collection[str]) -> torch.jit.ScriptModule:
    changed = copy_frozen(module)
    graph = graph_of(changed)
    front = next(iter(graph.nodes()))
    for value, rank in zip(list(graph.inputs())[1:], context.input_ranks, strict=False):
        if rank == 4:
            graph.setInsertPoint(front)
            node = graph.create("aten::contiguous", [value, graph.insertConstant(_CHANNELS_LAST)], 1)
            graph.insertNode(node)
            value.replaceAllUsesAfterNodeWith(node, node.output())
    torch._C._jit_pass_lint(graph)
    return changed


PASS = Pass(name="channels_last", apply=_apply, unfit=_unfit)
