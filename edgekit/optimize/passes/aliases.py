"""Finds the inputs of a graph that an operator may write to, by the aliases that the operators' schemas declare."""

from collections.abc import Iterator
from typing import Any

from edgekit.capture.constants import declared_arguments

_HOLDERS = ("TensorType", "ListType", "TupleType", "DictType", "OptionalType", "UnionType", "AnyType")


def may_be_written(value: Any) -> bool:
    """Whether an in-place operator may write to the memory of a tensor, through views and lists of it too.

    An operator that copies for some inputs only, such as `reshape`, counts as one that does not copy.
    """
    aliases, unseen = {value.unique()}, [value]
    while unseen:
        for use in unseen.pop().uses():
            if _writes(use):
                return True
            for alias in _aliases(use):
                if alias.unique() not in aliases and alias.type().kind() in _HOLDERS:
                    aliases.add(alias.unique())
                    unseen.append(alias)
    return False


def _writes(use: Any) -> bool:
    value = list(use.user.inputs())[use.offset]
    declared = _declared(use)
    return declared is not None and declared.is_write and value.type().kind() == "TensorType"


def _aliases(use: Any) -> Iterator[Any]:
    """The values that may share memory with a value after one of its uses."""
    node, outputs = use.user, list(use.user.outputs())
    if node.kind() == "prim::Return":  # of a block
        owner = node.owningBlock().owningNode()
        if owner is not None and owner.kind() == "prim::If":
            yield list(owner.outputs())[use.offset]
        elif owner is not None and use.offset > 0:  # of a loop, whose first value is its condition
            yield list(owner.outputs())[use.offset - 1]
            yield list(node.owningBlock().inputs())[use.offset]
    elif node.kind() == "prim::Loop":
        if use.offset > 1:  # after the number of iterations and the condition
            yield outputs[use.offset - 2]
            yield list(next(iter(node.blocks())).inputs())[use.offset - 1]
    elif _declared(use) is not None:
        yield from outputs
        first = next(iter(node.inputs()))
        if first.type().kind() != "TensorType":  # a list to which a tensor is appended
            yield first
    elif node.kind().startswith("prim::"):  # a tuple, list or dict is made or taken apart
        yield from outputs


def _declared(use: Any) -> Any:
    """What the schema of an operator says about the memory of an argument. None if the operator does not keep it."""
    arguments = declared_arguments(use.user)
    return arguments[use.offset].alias_info if use.offset < len(arguments) else None
