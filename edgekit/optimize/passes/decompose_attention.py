"""Replaces fused attention with basic operators. Runtimes before torch 2.0 lack the fused operator.

The inserted operators follow torch's own math path, `_scaled_dot_product_attention_math`.
"""

from collections.abc import Collection
from typing import Any

import torch

from edgekit.optimize.passes.base import Context, Pass, constant_of, copy_frozen, graph_of, insert, is_frozen
from edgekit.runtimes.compat import DECOMPOSED_BY, FUSED

_ARGUMENTS = ("query", "key", "value", "mask", "dropout", "causal", "scale", "grouped")
_BOOL = 11  # the integer value of torch.bool in TorchScript
_BOOL_RESULTS = frozenset(
    f"aten::{name}"
    for name in ("eq", "ne", "lt", "le", "gt", "ge", "logical_not", "logical_and", "logical_or", "isinf", "isnan")
)
_FLOAT_RESULTS = frozenset(f"aten::{name}" for name in ("sub", "rsub", "div", "neg", "log"))  # not bool for any input
_SAME_DTYPE = frozenset(
    f"aten::{name}"
    for name in (
        *("unsqueeze", "squeeze", "expand", "expand_as", "view", "reshape", "slice", "select", "transpose", "permute"),
        *("contiguous", "clone", "detach", "tril", "triu", "repeat", "masked_fill", "bitwise_not"),
        *("bitwise_and", "bitwise_or", "__and__", "__or__"),
    )
)


def _fused(module: torch.jit.ScriptModule) -> list[dict[str, Any]]:
    """Every fused attention node that this pass can replace: its inputs by name, and the node itself."""
    found = [
        {**dict(zip(_ARGUMENTS, node.inputs(), strict=True)), "node": node}
        for node in graph_of(module).findAllNodes(FUSED, recurse=True)
    ]
    return [given for given in found if _is_known(given)]


def _is_known(given: dict[str, Any]) -> bool:
    """Whether the graph shows which form of attention it is, and the form has no dropout."""
    kinds = {name: given[name].type().kind() for name in ("mask", "scale")}
    forms = kinds["mask"] in ("NoneType", "TensorType") and kinds["scale"] in ("NoneType", "FloatType")
    return forms and constant_of(given["dropout"]) == 0.0 and constant_of(given["grouped"]) is not None


def _unfit(module: torch.jit.ScriptModule, _: Context) -> str:
    if not is_frozen(module):
        return "the module is not frozen"
    if _fused(module):
        return ""
    if graph_of(module).findAllNodes(FUSED, recurse=True):
        return "the fused attention has dropout, or only a run decides whether it has a mask, a scale or grouped heads"
    return "no fused attention"


def _apply(module: torch.jit.ScriptModule, context: Context, _: Collection[str]) -> torch.jit.ScriptModule:
    changed = copy_frozen(module)
    graph = graph_of(changed)
    names = (value.debugName() for value in list(graph.inputs())[1:])
    dtypes = {name: tensor.dtype for name, tensor in zip(names, context.examples[0], strict=False)}
    for given in _fused(changed):
        node = given["node"]
        graph.setInsertPoint(node)
        result = _attention(graph, given, dtypes)
        node.output().replaceAllUsesWith(result)
        node.destroy()
        _reshape_transposed(graph, result, transposed=False)
    torch._C._jit_pass_lint(graph)
    return changed


def _attention(graph: Any, given: dict[str, Any], dtypes: dict[str, torch.dtype]) -> Any:
    """Inserts softmax(q / sqrt(d) @ k^T) @ v, as in Vaswani et al., Attention Is All You Need, 2017."""
    last, before_last, none = graph.insertConstant(-1), graph.insertConstant(-2), graph.insertConstant(None)
    query, key, value = _scaled(graph, given, last), given["key"], given["value"]
    if constant_of(given["grouped"]):
        key, value = (_repeated(graph, given["query"], heads) for heads in (key, value))
    keys = insert(graph, "aten::transpose", [key, before_last, last])
    scores = insert(graph, "aten::matmul", [query, keys])
    masked = given["mask"].type().kind() == "TensorType"
    if masked:
        scores = _masked(graph, scores, given["mask"], _is_boolean(given["mask"], dtypes))
    if constant_of(given["causal"]) is not False:
        scores = _causal(graph, scores, given["causal"])
    weights = insert(graph, "aten::softmax", [scores, last, none])
    result = insert(graph, "aten::matmul", [weights, value])
    return _zeroed(graph, scores, result) if masked else result


def _scaled(graph: Any, given: dict[str, Any], last: Any) -> Any:
    if given["scale"].type().kind() == "FloatType":
        return insert(graph, "aten::mul", [given["query"], given["scale"]])
    width = insert(graph, "aten::size", [given["query"], last], torch._C.IntType.get())
    root = insert(graph, "aten::sqrt", [width], torch._C.FloatType.get())
    return insert(graph, "aten::div", [given["query"], root])


def _repeated(graph: Any, query: Any, heads: Any) -> Any:
    """Keys or values with each head repeated, so that there are as many as heads of the query."""
    axis, integer = graph.insertConstant(-3), torch._C.IntType.get()
    many, few = (insert(graph, "aten::size", [tensor, axis], integer) for tensor in (query, heads))
    repeats = insert(graph, "aten::floordiv", [many, few], integer)
    return insert(graph, "aten::repeat_interleave", [heads, repeats, axis, graph.insertConstant(None)])


def _masked(graph: Any, scores: Any, mask: Any, boolean: bool | None) -> Any:
    """The scores with a float mask added, or with -inf where a boolean mask is False.

    A mask that is an integer tensor times a Python number is float32, but float64 in a saved trace, hence `type_as`.
    """
    one, lowest = graph.insertConstant(1), graph.insertConstant(float("-inf"))
    if boolean:
        return insert(graph, "aten::masked_fill", [scores, insert(graph, "aten::logical_not", [mask]), lowest])
    floats = insert(graph, "aten::type_as", [mask, scores])
    if boolean is None:
        none = graph.insertConstant(None)
        dtype = insert(graph, "prim::dtype", [mask], torch._C.IntType.get())
        number = insert(graph, "aten::scalar_tensor", [dtype, none, none, none, none])
        is_bool = insert(graph, "aten::eq", [number, graph.insertConstant(_BOOL)])
        zeros = insert(graph, "aten::zeros_like", [floats, none, none, none, none, none])
        blocked = insert(graph, "aten::logical_not", [mask])
        filled = insert(graph, "aten::masked_fill", [zeros, blocked, lowest])
        floats = insert(graph, "aten::where", [is_bool, filled, floats])
    return insert(graph, "aten::add", [scores, floats, one])


def _causal(graph: Any, scores: Any, causal: Any) -> Any:
    """The scores with -inf above the diagonal. If only a run decides, the diagonal can be beyond the last column."""
    integer, one, none = torch._C.IntType.get(), graph.insertConstant(1), graph.insertConstant(None)
    rows, columns = (insert(graph, "aten::size", [scores, graph.insertConstant(axis)], integer) for axis in (-2, -1))
    diagonal = one
    if constant_of(causal) is None:
        full = insert(graph, "aten::__not__", [causal], torch._C.BoolType.get())
        shift = insert(graph, "aten::mul", [columns, insert(graph, "aten::Int", [full], integer)], integer)
        diagonal = insert(graph, "aten::add", [shift, one], integer)
    sizes = insert(graph, "prim::ListConstruct", [rows, columns], torch._C.ListType.ofInts())
    ones = insert(graph, "aten::ones", [sizes, graph.insertConstant(_BOOL), none, none, none])
    above = insert(graph, "aten::triu", [ones, diagonal])
    return insert(graph, "aten::masked_fill", [scores, above, graph.insertConstant(float("-inf"))])


def _zeroed(graph: Any, scores: Any, result: Any) -> Any:
    """The result with zeros in the rows that are masked wholly, where softmax gives NaN and fused attention gives 0."""
    lowest = graph.insertConstant(float("-inf"))
    highest = insert(graph, "aten::amax", [scores, graph.insertConstant([-1]), graph.insertConstant(True)])
    return insert(
        graph,
        "aten::masked_fill",
        [result, insert(graph, "aten::eq", [highest, lowest]), graph.insertConstant(0)],
    )


def _reshape_transposed(graph: Any, value: Any, transposed: bool) -> None:
    """Replaces `view` of the transposed result by `reshape`: only fused attention keeps the layout of a transposed query."""
    for node in [use.user for use in value.uses()]:
        if node.kind() in ("aten::transpose", "aten::permute"):
            _reshape_transposed(graph, node.output(), transposed=True)
        elif transposed and node.kind() == "aten::view" and list(node.inputs())[1].type().kind() == "ListType":
            graph.setInsertPoint(node)
            node.output().replaceAllUsesWith(insert(graph, "aten::reshape", list(node.inputs())))
            node.destroy()


def _is_boolean(mask: Any, dtypes: dict[str, torch.dtype]) -> bool | None:
    """Whether a mask is boolean, or None if only a run shows it: freezing removes the dtypes from the graph."""
    node, constant = mask.node(), constant_of(mask)
    inputs = list(node.inputs())
    if mask.debugName() in dtypes:
        return dtypes[mask.debugName()] == torch.bool
    if isinstance(constant, torch.Tensor):
        return constant.dtype == torch.bool
    if node.kind() in _BOOL_RESULTS or node.kind() in _FLOAT_RESULTS:
        return node.kind() in _BOOL_RESULTS
    if node.kind() == "aten::to" and inputs[1].type().kind() == "IntType" and constant_of(inputs[1]) is not None:
        return bool(constant_of(inputs[1]) == _BOOL)
    if node.kind() == "aten::mul" and any(_is_float(constant_of(factor)) for factor in inputs):
        return False
    return _is_boolean(inputs[0], dtypes) if node.kind() in _SAME_DTYPE else None


def _is_float(constant: Any) -> bool:
    return constant.is_floating_point() if isinstance(constant, torch.Tensor) else isinstance(constant, float)


PASS = Pass(name=DECOMPOSED_BY[FUSED], apply=_apply, unfit=_unfit, fits=("android",))
