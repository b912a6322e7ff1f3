"""Writes the paddings "same" and "valid" of convolutions as numbers, and folds the BatchNorms that follow.

XNNPACK takes only convolutions whose padding is a list of numbers, and so does torch's folding of BatchNorm. In Android's library
for x86_64, which emulators run, a convolution of kernel 1 that is not prepacked gives wrong answers for maps of one pixel.
"""

from collections.abc import Collection
from typing import Any

import torch

from edgekit.capture.graphs import all_nodes
from edgekit.optimize.passes.base import Context, Pass, constant_of, copy_frozen, graph_of, insert, is_frozen

_KINDS = ("aten::_convolution_mode", "aten::conv1d", "aten::conv2d", "aten::conv3d")
_PADDING = 4  # the position among the inputs


def _worded(module: torch.jit.ScriptModule) -> list[Any]:
    """The convolutions whose padding is a word, and whose sizes of kernel and dilation the graph shows."""
    return [node for node in all_nodes(graph_of(module)) if node.kind() in _KINDS and _is_known(node)]


def _is_known(node: Any) -> bool:
    inputs = list(node.inputs())
    weight, dilation = constant_of(inputs[1]), _numbers(inputs[5])
    worded = constant_of(inputs[_PADDING]) in ("same", "valid")
    return worded and isinstance(weight, torch.Tensor) and weight.dim() in (3, 4, 5) and dilation is not None


def _numbers(value: Any) -> list[int] | None:
    """The numbers of a list, or None if only a run shows them."""
    if value.node().kind() == "prim::ListConstruct":
        found = [constant_of(item) for item in value.node().inputs()]
    else:
        found = constant_of(value)
    if not isinstance(found, list) or not all(isinstance(number, int) for number in found):
        return None
    return found


def _unfit(module: torch.jit.ScriptModule, _: Context) -> str:
    if not is_frozen(module):
        return "the module is not frozen"
    return "" if _worded(module) else "no padding that is a word"


def _apply(module: torch.jit.ScriptModule, _: Context, __: Collection[str]) -> torch.jit.ScriptModule:
    changed = copy_frozen(module)
    graph = graph_of(changed)
    for node in _worded(changed):
        graph.setInsertPoint(node)
        node.output().replaceAllUsesWith(_convolution(graph, list(node.inputs())))
        node.destroy()
    torch._C._jit_pass_fold_frozen_conv_bn(graph)
    torch._C._jit_pass_dce(graph)
    torch._C._jit_pass_lint(graph)
    return changed


def _convolution(graph: Any, inputs: list[Any]) -> Any:
    """The same convolution. Where "same" needs one zero more at the end of an axis, as in eager mode, a pad adds it before."""
    x, weight, bias, stride, word, dilation, groups = inputs
    kernel, spread = tuple(constant_of(weight).shape[2:]), _numbers(dilation) or []
    spread = spread * len(kernel) if len(spread) == 1 else spread
    totals = [d * (k - 1) if constant_of(word) == "same" else 0 for d, k in zip(spread, kernel, strict=True)]
    if any(total % 2 for total in totals):
        more = [end for total in reversed(totals) for end in (0, total % 2)]
        x = insert(graph, "aten::constant_pad_nd", [x, graph.insertConstant(more), graph.insertConstant(0)])
    padding = graph.insertConstant([total // 2 for total in totals])
    return insert(graph, f"aten::conv{len(kernel)}d", [x, weight, bias, stride, padding, dilation, groups])


PASS = Pass(name="explicit_padding", apply=_apply, unfit=_unfit, for_server=True)
