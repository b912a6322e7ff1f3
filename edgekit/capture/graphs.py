"""Graphs of TorchScript."""

from typing import Any


def all_nodes(block: Any) -> list[Any]:
    """The nodes of a graph or block, in their order, each before those of its inner blocks."""
    return [each for node in block.nodes() for each in (node, *(n for b in node.blocks() for n in all_nodes(b)))]
