"""Makes every output contiguous. Programs that read raw memory (Android's arrays, `data_ptr` in C++) ignore strides."""

from collections.abc import Collection
from typing import Any

import torch

from edgekit.nested import named_tensors
from edgekit.optimize.passes.base import Context, Pass, copy_frozen, graph_of, telling_examples

_CONTIGUOUS = 0  # the integer value of torch.contiguous_format in TorchScript
_DENSE = ("aten::linear", "aten::addmm", "aten::mm", "aten::bmm", "aten::contiguous")  # contiguous for every input
_KEEP = ("aten::relu", "aten::tanh", "aten::sigmoid", "aten::gelu", "aten::softmax", "aten::log_softmax")  # the strides
_CONSTRUCTS = ("prim::TupleConstruct", "prim::ListConstruct", "prim::DictConstruct")


def _unfit(module: torch.jit.ScriptModule, context: Context) -> str:
    graph = module.inlined_graph
    if context.other_sizes and not all(map(_is_dense, graph.outputs())):
        return ""  # at another size, a crop or a view may not be contiguous
    for example in _examples(module, context):
        outputs = named_tensors(module(*(tensor.clone() for tensor in example)))
        if not all(tensor.is_contiguous() for tensor in outputs.values()):
            return ""
    return "every output is contiguous"


def _is_dense(value: Any) -> bool:
    """Whether the operators that made a value give a contiguous one at every size."""
    node = value.node()
    if node.kind() in _CONSTRUCTS:
        return all(map(_is_dense, node.inputs()))
    return node.kind() in _DENSE or (node.kind() in _KEEP and _is_dense(next(iter(node.inputs()))))


def _examples(module: torch.jit.ScriptModule, context: Context) -> tuple[tuple[torch.Tensor, ...], ...]:
    """The telling examples, and one for each set of shapes: every stride of an axis of size 1 counts as contiguous."""
    by_shape = {tuple(tensor.shape for tensor in example): example for example in reversed(context.examples)}
    return (*telling_examples(module, context), *by_shape.values())


def _apply(module: torch.jit.ScriptModule, _: Context, __: Collection[str]) -> torch.jit.ScriptModule:
    changed = copy_frozen(module)
    graph = graph_of(changed)
    end = graph.return_node()
    for position, value in enumerate(list(end.inputs())):
        _convert(graph, value, end, position)
    torch._C._jit_pass_lint(graph)
    return changed


def _convert(graph: Any, value: Any, consumer: Any, position: int) -> None:
    """Makes one input of a node contiguous: a tensor, or the tensors inside a tuple, list or dict."""
    if value.type().kind() == "TensorType":
        graph.setInsertPoint(consumer)
        node = graph.create("aten::contiguous", [value, graph.insertConstant(_CONTIGUOUS)], 1)
        consumer.replaceInput(position, graph.insertNode(node).output())
    elif value.node().kind() in _CONSTRUCTS and len(list(value.uses())) == 1:  # more uses may append to it
        for inner_position, inner in enumerate(list(value.node().inputs())):
            _convert(graph, inner, value.node(), inner_position)
    elif value.type().kind() == "TupleType":  # the result of a branch
        graph.setInsertPoint(consumer)
        types = value.type().elements()
        unpacked = graph.insertNode(graph.create("prim::TupleUnpack", [value], len(types)))
        parts = list(unpacked.outputs())
        for part, type_ in zip(parts, types, strict=True):
            part.setType(type_)
        packed = graph.insertNode(graph.create("prim::TupleConstruct", parts, 1))
        packed.output().setType(value.type())
        consumer.replaceInput(position, packed.output())
        for inner_position, part in enumerate(parts):
            _convert(graph, part, packed, inner_position)
    elif value.type().kind() in (
        "ListType",
        "DictType",
        "OptionalType",
    ):  # only a run decides how many tensors are in it
        source = f"def convert(x: {value.type().annotation_str}):\n    return {_copy_of(value.type(), 'x')}\n"
        copied = torch.jit.CompilationUnit(source).convert.graph
        graph.setInsertPoint(consumer)
        consumer.replaceInput(position, graph.insertGraph(copied, [value])[0])


def _copy_of(kind: Any, text: str) -> str:
    """The TorchScript expression for a value in which every tensor is contiguous. `text` is the expression for the value."""
    inner = f"{text}_".replace("[", "_").replace("]", "_")
    match kind.kind():
        case "TensorType":
            return f"{text}.contiguous()"
        case "ListType":
            return f"[{_copy_of(kind.getElementType(), inner)} for {inner} in {text}]"
        case "DictType":
            return f"{{{inner}: {_copy_of(kind.getValueType(), f'{text}[{inner}]')} for {inner} in {text}.keys()}}"
        case "OptionalType":
            return f"None if {text} is None else {_copy_of(kind.getElementType(), text)}"
        case "TupleType":
            parts = (_copy_of(part, f"{text}[{index}]") for index, part in enumerate(kind.elements()))
            return f"({', '.join(parts)},)"
        case _:
            return text


PASS = Pass(name="contiguous_outputs", apply=_apply, unfit=_unfit)
