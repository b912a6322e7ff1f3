"""Exports every module of torch's own module database, with every sample that torch tests it with.

An export is right, UNPROVEN, or refused with a cause of the table below. An answer that differs from eager is a failure.
"""

import copy
import inspect
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import edgekit
from edgekit.errors import EdgekitError
from edgekit.nested import named_arrays
from edgekit.parity.eager import exact_eager

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::UserWarning"),  # torch's, of the database's own samples
]

# Why edgekit refuses a sample: a pattern for the name of the module, and a part of the message. All are true of the sample.
CAUSES = (
    (r"nn\.Lazy.*", "has no values yet"),
    (r"nn\.(BatchNorm.*|LayerNorm|RMSNorm)", "no elements, so its answer proves nothing"),
    (r"nn\.KLDivLoss", "has NaN elements"),
    # The softmax of one number is 1, and a loss without a target is 0.
    (r"nn\.(Softmax|LogSoftmax|Softmin|CrossEntropyLoss)", "UNPROVEN"),
    (r"nn\.(LPPool.*|KLDivLoss|CrossEntropyLoss)", "elements NaN or infinite on probe 'the given sample'"),
)


def database() -> list[Any]:
    """The modules of the database, which is private to torch and may move."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.testing._internal.common_modules import module_db

    return list(module_db)


def samples(info: Any) -> Iterator[tuple[nn.Module, tuple[Any, ...], dict[str, Any]]]:
    """The module of each sample in eval mode, and the arguments of forward."""
    torch.manual_seed(0)
    made = info.module_inputs_func(info, device="cpu", dtype=torch.float32, requires_grad=False, training=False)
    for sample in made:
        constructor = sample.constructor_input
        module = info.module_cls(*constructor.args, **constructor.kwargs).to(torch.float32).eval()
        yield module, sample.forward_input.args, sample.forward_input.kwargs


def arguments(
    module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The tensors by name, and the other values by name."""
    bound = inspect.signature(module.forward).bind(*args, **kwargs).arguments
    named = {key: value for key, value in bound.items() if value is not None}
    tensors = {key: value for key, value in named.items() if _has_tensors(value)}
    return tensors, {key: value for key, value in named.items() if key not in tensors}


def _has_tensors(value: Any) -> bool:
    return isinstance(value, torch.Tensor) or (isinstance(value, tuple | list) and all(map(_has_tensors, value)))


def _flat(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    else:
        for item in value:
            yield from _flat(item)


def outcome(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], path: Path) -> str:
    """`right`, or what went wrong: `wrong: …`, or `refused: …` with the message."""
    tensors, bound = arguments(module, args, kwargs)
    try:
        edgekit.export(copy.deepcopy(module), tensors, output=path, bind=bound, server=False)
    except EdgekitError as error:
        return f"refused: {type(error).__name__}: {error}"
    with exact_eager():
        expected = named_arrays(module(*args, **kwargs))
    inputs = [tensor.detach().numpy() for value in tensors.values() for tensor in _flat(value)]
    found = edgekit.load(path).run(inputs)
    if found.keys() != expected.keys():
        return f"wrong: outputs {sorted(found)}, expected {sorted(expected)}"
    for key, value in expected.items():
        scale = float(np.abs(value).max(initial=0.0))
        if found[key].shape != value.shape or not np.allclose(found[key], value, rtol=0.0, atol=1e-5 * scale + 1e-6):
            return f"wrong: output {key} differs by {np.abs(found[key] - value).max()}"
    return "right"


def _explained(name: str, found: str) -> bool:
    return any(re.fullmatch(pattern, name) and cause in found for pattern, cause in CAUSES)


@pytest.mark.parametrize("info", database(), ids=lambda info: info.name)
def test_export_module_of_the_database_is_right_or_refused_with_a_true_cause(info: Any, tmp_path: Path) -> None:
    for index, (module, args, kwargs) in enumerate(samples(info)):
        found = outcome(module, args, kwargs, tmp_path / "m.ptl")
        assert found == "right" or _explained(info.name, found), f"sample {index}: {found}"
