"""Quantized models at sizes that torch's kernels do not check."""

from pathlib import Path

import models
import pytest
import torch
from torch import nn
from torch.ao.quantization import QuantStub, convert, get_default_qconfig, prepare

import edgekit
from edgekit.engines import held_engine
from edgekit.format.axes import AxisRange
from edgekit.sources.quantized import refused_empty

pytestmark = [
    pytest.mark.filterwarnings("ignore:torch.ao.quantization is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*reduce_range:UserWarning"),
]


class Narrowing(nn.Module):
    """Layers that leave nothing of a small picture."""

    def __init__(self) -> None:
        super().__init__()
        self.quant = QuantStub()
        self.first, self.second = nn.Conv2d(3, 8, 3, stride=2), nn.Conv2d(8, 8, 3, dilation=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(self.first(self.quant(x))).dequantize().mean((2, 3))


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(0)
    with held_engine("qnnpack"):
        module = Narrowing().eval()
        module.qconfig = get_default_qconfig("qnnpack")
        prepared = prepare(module)
        prepared(torch.randn(4, 3, 24, 24))
        return convert(prepared)


def test_input_smaller_than_a_kernel_is_refused_in_the_block_alone(model: nn.Module) -> None:
    with held_engine("qnnpack"), torch.no_grad(), refused_empty(model):
        assert model(torch.randn(1, 3, 11, 11)).shape == (1, 8)
        with pytest.raises(RuntimeError, match=r"an input of \[4, 4\], smaller than its kernel of \[5, 5\]"):
            model(torch.randn(1, 3, 10, 10))
    assert not any(layer._forward_pre_hooks for layer in model.modules())


def test_export_leaves_out_sizes_at_which_nothing_remains(model: nn.Module, tmp_path: Path) -> None:
    report = edgekit.export(model, "1x3x24x24", output=tmp_path / "m.ptl", server=False, allow_unproven=True)
    rows = report.manifest.methods[0].inputs[0].shape[2]
    assert isinstance(rows, AxisRange)
    assert rows.min == 11


def test_export_module_with_a_scripted_part(tmp_path: Path) -> None:
    model = nn.Sequential(torch.jit.script(models.conv_net().eval()), nn.ReLU()).eval()
    assert edgekit.export(model, "1x3x40x40", output=tmp_path / "m.ptl", server=False).verdict.passed
