"""Shares equal constants of frozen modules. torch stores a tensor once, however many methods of a package use it."""

from hashlib import sha256

import torch

from edgekit.capture.graphs import all_nodes
from edgekit.optimize.passes.base import copy_frozen, is_frozen

Key = tuple[torch.dtype, tuple[int, ...], tuple[int, ...], bytes]


class SharedConstants:
    """The constants of the modules so far. Folding gives each method its own copy of a weight; a later equal one is replaced."""

    def __init__(self) -> None:
        self._known: dict[Key, torch.Tensor] = {}

    def replaced(self, module: torch.jit.ScriptModule) -> torch.jit.ScriptModule:
        """A frozen module with known constants in place of equal ones.

        It is a copy that never ran: torch keeps the graph of the first run, with the constants at that time, and saves it.
        """
        if not is_frozen(module):
            return module
        copied = copy_frozen(module)
        for node in all_nodes(copied.graph):
            if node.kind() == "prim::Constant" and node.hasAttribute("value") and node.kindOf("value") == "t":
                tensor = node.t("value")
                if tensor.layout is torch.strided and not tensor.is_quantized:
                    node.t_("value", self._known.setdefault(_key(tensor), tensor))
        return copied


def _key(tensor: torch.Tensor) -> Key:
    data = tensor.detach().contiguous().flatten().view(torch.uint8).numpy()
    return tensor.dtype, tuple(tensor.shape), tensor.stride(), sha256(data.data).digest()
