"""The operators of a captured model are found with the module and the source line that call them, in each mode."""

from collections.abc import Callable

import models
import pytest
import torch
from captures import captured, source_of
from torch import nn

from edgekit.capture.decide import capture
from edgekit.capture.modes import MODES, Mode
from edgekit.capture.operators import OperatorUse, lacking, operators_of, source_line, unlike
from edgekit.capture.remedies import operator_remedy
from edgekit.format.schema import Tolerance


def helper(x: torch.Tensor) -> torch.Tensor:
    return torch.logsumexp(x, -1)


@torch.jit.script
def scripted(x: torch.Tensor) -> torch.Tensor:
    if bool(x.sum() > 0):
        return torch.log1p(x.abs())
    return torch.expm1(x)


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x) - helper(x).unsqueeze(-1)


class Nested(nn.Module):
    """Calls an operator in a block, through a function, and in a scripted function, in a branch."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.Sequential(nn.Sequential(nn.ReLU()), Block())

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:  # an adapter flattens it
        return {"a": scripted(self.blocks(x)), "b": x.sigmoid()}


def uses(factory: Callable[[], nn.Module], *inputs: str, mode: Mode = "trace") -> dict[str, OperatorUse]:
    source = source_of(factory, *inputs)
    return {use.name: use for use in operators_of(capture(source, mode, Tolerance()).module)}


@pytest.mark.parametrize("mode", MODES)
def test_operators_are_named_with_their_module_and_line(mode: Mode) -> None:
    found = uses(Nested, "2x4", mode=mode)
    assert found["aten::logsumexp"].module == "blocks.1"
    assert found["aten::logsumexp"].line.startswith("test_operators.py:")
    assert found["aten::logsumexp"].line.endswith("return torch.logsumexp(x, -1)")
    assert found["aten::relu"].module == "blocks.0.0"
    assert (found["aten::expm1"].module, found["aten::sigmoid"].module) == ("", "")
    assert "torch.expm1(x)" in found["aten::expm1"].line
    assert "x.sigmoid()" in found["aten::sigmoid"].line
    assert not any(name.startswith("prim::") for name in found)
    assert str(found["aten::logsumexp"]).startswith("aten::logsumexp (in blocks.1, test_operators.py:")


def test_module_with_the_name_of_the_adapter_s_attribute_keeps_its_name() -> None:
    class Wrapper(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = Block()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.model(x)

    assert uses(Wrapper, "2x4")["aten::logsumexp"].module == "model"


def test_operators_are_known_here_and_made_up_ones_are_not() -> None:
    found = operators_of(captured(models.conv_net, "1x3x32x32").module)
    assert found == tuple(sorted(found, key=lambda use: use.schema))
    assert lacking(found) == unlike(found) == ()
    made_up = OperatorUse(schema="aten::no_such_thing.out(Tensor self) -> Tensor", module="", line="")
    other = OperatorUse(schema="aten::relu(Tensor self, Tensor more) -> Tensor", module="", line="")
    assert lacking((*found, made_up, other)) == (made_up,)
    assert unlike((*found, made_up, other)) == (other,)
    assert str(made_up) == "aten::no_such_thing (no source line is known)"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", ""),
        ("/no/net.py(12): forward\n/x/site-packages/torch/nn/modules/module.py(9): _call_impl\n", "net.py:12"),
        ("/x/site-packages/torch/_ops.py(1): __call__\n/no/net.py(7): helper\n/no/net.py(12): forward\n", "net.py:7"),
        ("/x/site-packages/torchvision/ops/a.py(1): f\n/no/net.py(12): forward\n", "net.py:12"),
        ("/x/site-packages/torch/_ops.py(1): f\n/x/site-packages/torchvision/ops/a.py(1): f\n", "a.py:1"),
        ("/x/site-packages/torch/nn/a.py(1): f\n/x/torch/jit/_trace.py(3): trace\n/no/export.py(1): main\n", "a.py:1"),
        (
            '  File "/no/net.py", line 7\n    y = x\n    z = torch.relu(y)\n        ~~~ <--- HERE\n',
            "net.py:7: z = torch.relu(y)",
        ),
        (
            '/no/net.py(3): forward\nSerialized   File "code/a.py", line 2\n    torch.relu(x)\n    ~~~ <--- HERE\n',
            "net.py:3",
        ),
    ],
)
def test_source_line_is_the_innermost_of_the_model(text: str, line: str) -> None:
    assert source_line(text).removesuffix(": torch.relu(x)") == line


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("aten::broadcast_shapes", "torch.broadcast_tensors"),
        ("aten::new_thing", "Replace aten::new_thing in the model"),
        ("torchvision::nms", "torchvision::nms is an operator of torchvision"),
        ("other::nms", "other::nms is not an operator of torch"),
    ],
)
def test_remedy_follows_from_the_operator(name: str, remedy: str) -> None:
    assert operator_remedy(name).startswith(remedy)
