"""Removes statements such as `with torch.no_grad()` from scripted code: lite interpreters do not support them."""

from collections.abc import Collection
from typing import Any

import torch

from edgekit.capture.graphs import all_nodes
from edgekit.optimize.passes.base import Context, Pass, copy_frozen, graph_of

_CLASSES = (
    "torch.autograd.grad_mode.no_grad",
    "edgekit.capture.gradients.GradMode",
)  # the latter stands for the others


def _unfit(module: torch.jit.ScriptModule, _: Context) -> str:
    return "" if _statements(module.inlined_graph) else "no statement with no_grad"


def _apply(module: torch.jit.ScriptModule, _: Context, __: Collection[str]) -> torch.jit.ScriptModule:
    changed = copy_frozen(module)
    graph = graph_of(changed)
    for node in _statements(graph):
        node.destroy()
    for node in all_nodes(graph):  # the object is removed as dead code when its attributes are not set
        if node.kind() == "prim::SetAttr" and _is_no_grad(next(iter(node.inputs()))):
            node.destroy()
    torch._C._jit_pass_dce(graph)
    torch._C._jit_pass_lint(graph)
    return changed


def _statements(graph: Any) -> list[Any]:
    """The nodes of the statements, the ends first. Only these nodes use the object, and nothing uses their outputs."""
    found = [node for node in all_nodes(graph) if node.kind() in ("prim::Enter", "prim::Exit")]
    return [node for node in reversed(found) if _is_no_grad(next(iter(node.inputs())))]


def _is_no_grad(value: Any) -> bool:
    return any(str(value.type()).endswith(name) for name in _CLASSES)


PASS = Pass(name="remove_no_grad", apply=_apply, unfit=_unfit, for_server=True)
