"""What to do about a model that torch does not capture or save: the remedy that follows from torch's message."""

import re

from edgekit.sources.hidden import HIDDEN_REMEDY

_REMEDIES = (
    (r"in a Python list or dict", HIDDEN_REMEDY),
    (
        r"dynamo-optimized",
        "forward calls a function that torch.compile compiled. Call the function itself, without torch.compile.",
    ),
    (r"stateless API", "Call the module itself instead of torch.func.functional_call."),
    (
        r"aten::grad\(|torch\.autograd\.grad",
        "forward computes gradients, which no runtime of packages does. Write the derivative with torch's operators.",
    ),
    (
        r"requires grad as a constant",
        "Register the tensor: nn.Parameter for a weight, register_buffer for a constant.",
    ),
    (
        r"\bENTER\b|With item|__enter__|__exit__",
        "Scripted code has a with statement that the lite interpreter lacks. Remove it from forward, for example an autocast "
        "or a profiler, or write the data-dependent branch so that the model can be traced: torch.where(condition, a, b).",
    ),
    (
        r"FunctionMeta|BackwardCFunction|Python function call|Python operator",
        "A custom autograd function cannot be scripted. Call the operators of its forward directly: inference needs no backward.",
    ),
    (r"'numpy'|NumPy", "Use torch's functions in forward instead of NumPy's, which become constants."),
    (
        r"higher_order|HigherOrderOperator",
        "Write the model without torch.cond and the like: torch.where(condition, a, b), or a @torch.jit.script function.",
    ),
)
_DEFAULT = "Rewrite that code, or move it into a @torch.jit.script function."


def capture_remedy(text: str, default: str = _DEFAULT) -> str:
    """The remedy for a message of torch."""
    return next((remedy for pattern, remedy in _REMEDIES if re.search(pattern, text)), default)


_OPERATOR_REMEDIES = {
    "aten::broadcast_shapes": "torch.broadcast_tensors(a, b)[0].shape is the same.",
    "aten::linalg_polar": "torch.linalg.svd gives the same: u @ vh and vh.mH @ diag(s) @ vh.",
    "aten::linalg_matrix_sqrth": "torch.linalg.eigh gives the same: v @ diag(sqrt(w)) @ v.mH.",
}


def operator_remedy(name: str) -> str:
    """What to do about an operator that the workshop's torch does not have."""
    if (known := _OPERATOR_REMEDIES.get(name)) is not None:
        return known
    if name.startswith("aten::"):
        return f"Replace {name} in the model by operators that both torches have."
    if name.startswith("torchvision::"):
        return f"{name} is an operator of torchvision, which the workshop does not have. Export with torch 2.9 to 2.12."
    return f"{name} is not an operator of torch, and the runtimes of packages have no others: write it with torch's operators."
