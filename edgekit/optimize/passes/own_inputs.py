"""Clones the inputs that `forward` may write to, so that a run does not change the caller's buffers."""

from collections.abc import Collection

import torch

from edgekit.capture.graphs import all_nodes
from edgekit.optimize.passes.aliases import may_be_written
from edgekit.optimize.passes.base import Context, Pass, copy_frozen, graph_of, telling_examples


def _unfit(module: torch.jit.ScriptModule, context: Context) -> str:
    return "" if _written(module, context) else "no input is written"


def _apply(module: torch.jit.ScriptModule, context: Context, _: Collection[str]) -> torch.jit.ScriptModule:
    changed = copy_frozen(module)
    graph = graph_of(changed)
    front = next(iter(graph.nodes()))
    values = list(graph.inputs())[1:]
    for index in _written(module, context):
        graph.setInsertPoint(front)
        node = graph.insertNode(graph.create("aten::clone", [values[index], graph.insertConstant(None)], 1))
        values[index].replaceAllUsesAfterNodeWith(node, node.output())
    torch._C._jit_pass_lint(graph)
    return changed


def _written(module: torch.jit.ScriptModule, context: Context) -> list[int]:
    """The inputs that an operator may write to, on these examples or on others, and those that a run changes."""
    graph = module.inlined_graph
    nodes, inputs = all_nodes(graph), list(graph.inputs())[1:]
    written = {index for index, value in enumerate(inputs) if may_be_written(value)}
    if any(node.kind() == "prim::SetAttr" for node in nodes):  # an attribute may hold an input
        written |= _changed(module, context)
    return sorted(written)


def _changed(module: torch.jit.ScriptModule, context: Context) -> set[int]:
    changed: set[int] = set()
    for example in telling_examples(module, context):
        given = [tensor.clone() for tensor in example]
        module(*given)
        changed |= {index for index, tensor in enumerate(example) if _bytes(tensor) != _bytes(given[index])}
    return changed


def _bytes(tensor: torch.Tensor) -> bytes:
    return tensor.numpy().tobytes()  # with bytes, NaN equals NaN


PASS = Pass(name="own_inputs", apply=_apply, unfit=_unfit, for_server=True)
