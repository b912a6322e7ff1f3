"""Clones the inputs that `forward` writes to, so that a run does not change the caller's buffers."""

from collections.abc import Collection

import torch

from edgekit.optimize.passes.base import Context, Pass, all_nodes, copy_frozen, graph_of, telling_examples


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
    """The inputs that a run changes on one of the examples. A graph without in-place operators does not need a run."""
    if not any(node.kind().endswith("_") for node in all_nodes(module.inlined_graph)):
        return []
    written: set[int] = set()
    for example in telling_examples(module, context):
        given = [tensor.clone() for tensor in example]
        module(*given)
        written |= {index for index, tensor in enumerate(example) if _bytes(tensor) != _bytes(given[index])}
    return sorted(written)


def _bytes(tensor: torch.Tensor) -> bytes:
    return tensor.numpy().tobytes()  # with bytes, NaN equals NaN


PASS = Pass(name="own_inputs", apply=_apply, unfit=_unfit, for_server=True)
