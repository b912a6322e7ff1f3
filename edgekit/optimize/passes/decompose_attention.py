"""Replaces fused attention with basic operators. Runtimes before torch 2.0 lack the fused operator."""

from collections.abc import Collection
from typing import Any

import torch

from edgekit.optimize.passes.base import Context, Pass, copy_frozen, graph_of, is_frozen
from edgekit.runtimes.compat import DECOMPOSE, FUSED

_ARGUMENTS = ("query", "key", "value", "mask", "dropout", "causal", "scale", "grouped")


def _fused(module: torch.jit.ScriptModule) -> list[dict[str, Any]]:
    """Every fused attention node that this pass can replace: its inputs by name, and the node itself."""
    graph = graph_of(module)
    found = [
        {**dict(zip(_ARGUMENTS, node.inputs(), strict=False)), "node": node}
        for node in graph.findAllNodes(FUSED, recurse=True)
    ]
    return [given for given in found if _is_plain(given)]


def _is_plain(given: dict[str, Any]) -> bool:
    """Whether attention has no mask, causal mask, dropout, scale or grouped heads. Otherwise it stays fused."""
    absent = all(given[name].type().kind() == "NoneType" for name in ("mask", "scale") if name in given)
    return absent and not any(given[name].toIValue() for name in ("dropout", "causal", "grouped") if name in given)


def _unfit(module: torch.jit.ScriptModule, _: Context) -> str:
    if not is_frozen(module):
        return "the module is not frozen"
    return "" if _fused(module) else "no fused attention without a mask"


def _apply(module: torch.jit.ScriptModule, _: Context, __: Collection[str]) -> torch.jit.ScriptModule:
    """Inserts softmax(q / sqrt(d) @ k^T) @ v, as in Vaswani et al., Attention Is All You Need, 2017."""
    changed = copy_frozen(module)
    graph = graph_of(changed)
    for given in _fused(changed):
        node = given["node"]
        graph.setInsertPoint(node)
        last, before_last, none = graph.insertConstant(-1), graph.insertConstant(-2), graph.insertConstant(None)
        width = _insert(graph, "aten::size", [given["query"], last], torch._C.IntType.get())
        root = _insert(graph, "aten::sqrt", [width], torch._C.FloatType.get())
        query = _insert(graph, "aten::div", [given["query"], root])
        keys = _insert(graph, "aten::transpose", [given["key"], before_last, last])
        scores = _insert(graph, "aten::matmul", [query, keys])
        weights = _insert(graph, "aten::softmax", [scores, last, none])
        result = _insert(graph, "aten::matmul", [weights, given["value"]])
        node.output().replaceAllUsesWith(result)
        node.destroy()
    torch._C._jit_pass_lint(graph)
    return changed


def _insert(graph: Any, kind: str, inputs: list[Any], type_: Any = None) -> Any:
    node = graph.insertNode(graph.create(kind, inputs, 1))
    if type_ is not None:
        node.output().setType(type_)
    return node.output()


PASS = Pass(name=DECOMPOSE, apply=_apply, unfit=_unfit, fits=("android",))
