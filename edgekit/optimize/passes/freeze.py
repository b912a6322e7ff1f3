"""Freezes the module: attributes and parameters become constants, and BatchNorm is folded into convolutions."""

from collections.abc import Collection

import torch

from edgekit.optimize.passes.base import Context, Pass, is_frozen


def _apply(module: torch.jit.ScriptModule, _: Context, __: Collection[str]) -> torch.jit.ScriptModule:
    if is_frozen(module):
        return module
    frozen: torch.jit.ScriptModule = torch.jit.freeze(module.eval())
    return frozen


PASS = Pass(name="freeze", apply=_apply, for_server=True, essential=True)
