"""Which outputs of a captured graph do not depend on the values of its inputs."""

from functools import cache
from typing import Any

import torch

from edgekit.capture.graphs import all_nodes
from edgekit.nested import named_tensors

# These read only the shape or the type of their first input.
_SHAPE_ONLY = frozenset(
    f"{space}::{name}"
    for space, names in {
        "aten": "size sym_size dim len numel is_floating_point is_complex zeros_like ones_like full_like empty_like new_zeros "
        "new_ones new_full new_empty _shape_as_tensor",
        "prim": "dtype device layout",
    }.items()
    for name in names.split()
)
_CONSTRUCTS = ("prim::TupleConstruct", "prim::ListConstruct", "prim::DictConstruct")


def constant_outputs(module: Any) -> frozenset[str] | None:
    """The flattened names of the outputs to which no path leads from an input, other than through sizes.

    Returns:
        None if no output depends on the inputs.
    """
    graph = module.inlined_graph
    tainted = _tainted(graph)
    output = next(iter(graph.outputs()))
    if output.debugName() not in tainted:
        return None
    marks = named_tensors(_marks(output, tainted))
    return frozenset(name for name, mark in marks.items() if not bool(mark))


def _marks(value: Any, tainted: set[str]) -> Any:
    """The nesting of an output, with a boolean for each leaf: whether it depends on the inputs."""
    node = value.node()
    if node.kind() not in _CONSTRUCTS or value.debugName() not in tainted:
        return torch.tensor(value.debugName() in tainted)
    parts = list(node.inputs())
    if node.kind() == "prim::DictConstruct":
        return {str(key.toIValue()): _marks(part, tainted) for key, part in zip(parts[::2], parts[1::2], strict=True)}
    items = [_marks(part, tainted) for part in parts]
    return tuple(items) if node.kind() == "prim::TupleConstruct" else items


def _tainted(graph: Any) -> set[str]:
    """The names of the values that depend on an input. A value that is written with such a value depends on it too."""
    tainted = {value.debugName() for value in list(graph.inputs())[1:]}
    before = -1
    while before < len(tainted):
        before = len(tainted)
        for node in all_nodes(graph):
            _spread(node, tainted)
    return tainted


def _spread(node: Any, tainted: set[str]) -> None:
    inputs = list(node.inputs())
    read = inputs[1:] if node.kind() in _SHAPE_ONLY else inputs
    returned = [value for block in node.blocks() for value in block.outputs()]
    if not any(value.debugName() in tainted for value in (*read, *returned)):
        return
    for value in (*node.outputs(), *(given for block in node.blocks() for given in block.inputs())):
        tainted.add(value.debugName())
    for value, argument in zip(inputs, declared_arguments(node), strict=False):
        if argument.alias_info is not None and argument.alias_info.is_write:
            _taint_back(value, tainted)


def _taint_back(value: Any, tainted: set[str]) -> None:
    """Marks a value that is written, and what it is a view of."""
    if value.debugName() in tainted and value.node().kind() == "prim::Param":
        return
    tainted.add(value.debugName())
    node = value.node()
    for source, argument in zip(node.inputs(), declared_arguments(node), strict=False):
        if argument.alias_info is not None and source.debugName() not in tainted:
            _taint_back(source, tainted)


def declared_arguments(node: Any) -> list[Any]:
    """What the schema of an operator says about its arguments. Empty if it has no schema."""
    return _arguments_of(node.schema())


@cache
def _arguments_of(text: str) -> list[Any]:
    """The arguments in the text of a schema. There are few different schemas, and parsing them takes long."""
    return [] if text.startswith("(no schema)") else list(torch._C.parse_schema(text).arguments)
