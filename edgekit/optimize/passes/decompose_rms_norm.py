"""Replaces `rms_norm` with basic operators. Runtimes before torch 2.4 lack the operator."""

from collections.abc import Collection
from typing import Any

import torch

from edgekit.optimize.passes.base import Context, Pass, constant_of, copy_frozen, graph_of, insert, is_frozen
from edgekit.runtimes.compat import DECOMPOSED_BY, RMS_NORM


def _norms(module: torch.jit.ScriptModule) -> list[Any]:
    """The nodes that this pass can replace: the graph shows how many axes they reduce, and whether eps is given."""
    return [node for node in graph_of(module).findAllNodes(RMS_NORM, recurse=True) if _is_known(node)]


def _is_known(node: Any) -> bool:
    _, shape, weight, eps = node.inputs()
    forms = weight.type().kind() in ("NoneType", "TensorType") and eps.type().kind() in ("NoneType", "FloatType")
    return forms and _rank(shape) > 0


def _rank(shape: Any) -> int:
    """The number of sizes in a list, or 0 if only a run shows it."""
    if shape.node().kind() == "prim::ListConstruct":
        return len(list(shape.node().inputs()))
    return len(constant_of(shape) or [])


def _unfit(module: torch.jit.ScriptModule, _: Context) -> str:
    if not is_frozen(module):
        return "the module is not frozen"
    if _norms(module):
        return ""
    if graph_of(module).findAllNodes(RMS_NORM, recurse=True):
        return "only a run decides the axes, the weight or the eps of rms_norm"
    return "no rms_norm"


def _apply(module: torch.jit.ScriptModule, context: Context, _: Collection[str]) -> torch.jit.ScriptModule:
    """Inserts x * rsqrt(mean(x^2) + eps) * weight, in the order of torch's own composite operator."""
    changed = copy_frozen(module)
    graph = graph_of(changed)
    for node in _norms(changed):
        graph.setInsertPoint(node)
        node.output().replaceAllUsesWith(_norm(graph, list(node.inputs()), context))
        node.destroy()
    torch._C._jit_pass_lint(graph)
    return changed


def _norm(graph: Any, inputs: list[Any], context: Context) -> Any:
    x, shape, weight, eps = inputs
    axes = graph.insertConstant([-axis for axis in range(1, _rank(shape) + 1)])
    if eps.type().kind() == "NoneType":
        eps = graph.insertConstant(_default_eps(constant_of(weight), context))
    squares = insert(graph, "aten::pow", [x, graph.insertConstant(2)])
    mean = insert(graph, "aten::mean", [squares, axes, graph.insertConstant(True), graph.insertConstant(None)])
    raised = insert(graph, "aten::add", [mean, eps, graph.insertConstant(1)])
    result = insert(graph, "aten::mul", [x, insert(graph, "aten::rsqrt", [raised])])
    return result if weight.type().kind() == "NoneType" else insert(graph, "aten::mul", [result, weight])


def _default_eps(weight: torch.Tensor | None, context: Context) -> float:
    """torch's default for the dtype of the input: that of the weight, else float64 if the model takes float64."""
    known = context.examples[0] if weight is None else (weight,)
    double = any(tensor.dtype == torch.float64 for tensor in known)
    return torch.finfo(torch.float64 if double else torch.float32).eps


PASS = Pass(name=DECOMPOSED_BY[RMS_NORM], apply=_apply, unfit=_unfit, fits=("android",))
