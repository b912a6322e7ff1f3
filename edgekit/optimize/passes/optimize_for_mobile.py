"""torch's passes for mobile CPUs. One of them packs the weights for XNNPACK."""

from collections.abc import Collection

import torch
from torch._C import _MobileOptimizerType as MobileOptimizerType
from torch.utils.mobile_optimizer import optimize_for_mobile

from edgekit.optimize.passes.base import Context, Pass

# The parts that torch can leave out on a CPU. The manifest records these names.
PARTS = (
    "CONV_BN_FUSION",
    "INSERT_FOLD_PREPACK_OPS",
    "FUSE_ADD_RELU",
    "HOIST_CONV_PACKED_PARAMS",
    "REMOVE_DROPOUT",
)


def _apply(module: torch.jit.ScriptModule, _: Context, left_out: Collection[str]) -> torch.jit.ScriptModule:
    blocklist = {getattr(MobileOptimizerType, name) for name in left_out}
    optimized: torch.jit.ScriptModule = optimize_for_mobile(module, optimization_blocklist=blocklist)
    return optimized


PASS = Pass(name="optimize_for_mobile", apply=_apply, parts=PARTS)
