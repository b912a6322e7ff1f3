"""The pass that writes the paddings "same" and "valid" as numbers."""

from pathlib import Path
from typing import Any

import models
import numpy as np
import pytest
import torch
from torch import nn

import edgekit
from edgekit.optimize.passes.base import Context, graph_of
from edgekit.optimize.passes.explicit_padding import PASS
from edgekit.runtimes.compat import ANDROID

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")

FORMS: dict[str, tuple[type[nn.Module], dict[str, Any], tuple[int, ...]]] = {
    "valid with a stride": (nn.Conv2d, {"kernel_size": 3, "padding": "valid", "stride": 2}, (1, 8, 9, 7)),
    "same of an odd kernel": (nn.Conv2d, {"kernel_size": 3, "padding": "same"}, (1, 8, 9, 7)),
    "same of an even kernel": (nn.Conv2d, {"kernel_size": 4, "padding": "same"}, (1, 8, 9, 7)),
    "same of two kernels": (nn.Conv2d, {"kernel_size": (2, 5), "padding": "same", "bias": False}, (1, 8, 9, 7)),
    "same with a dilation": (nn.Conv2d, {"kernel_size": 4, "padding": "same", "dilation": (1, 2)}, (1, 8, 9, 7)),
    "same of groups": (nn.Conv2d, {"kernel_size": 5, "padding": "same", "groups": 8}, (1, 8, 9, 7)),
    "one axis": (nn.Conv1d, {"kernel_size": 4, "padding": "same", "dilation": 3}, (1, 8, 20)),
    "three axes": (nn.Conv3d, {"kernel_size": (2, 3, 4), "padding": "same"}, (1, 8, 5, 6, 7)),
}


def convolution(form: str) -> nn.Module:
    torch.manual_seed(0)
    kind, options, _ = FORMS[form]
    made: nn.Module = kind(8, 8, **options)
    return made.eval()


class Both(nn.Sequential):
    """A convolution and its BatchNorm."""


def with_norm(form: str) -> nn.Module:
    kind = {3: nn.BatchNorm1d, 4: nn.BatchNorm2d, 5: nn.BatchNorm3d}[len(FORMS[form][2])]
    return models.perturb_batchnorm(Both(convolution(form), kind(8))).eval()


@pytest.mark.parametrize("scripted", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_apply_agrees_with_eager_and_leaves_no_word(form: str, scripted: bool) -> None:
    model, shape = convolution(form), FORMS[form][2]
    x = torch.randn(shape)
    captured = torch.jit.script(model) if scripted else torch.jit.trace(model, x)
    frozen = torch.jit.freeze(captured)
    context = Context(((x,),))
    assert PASS.unfit(frozen, context) == ""
    changed = PASS.apply(frozen, context, ())
    assert PASS.unfit(changed, context) == "no padding that is a word"
    torch.testing.assert_close(changed(x), model(x), rtol=1e-6, atol=1e-6)
    assert PASS.unfit(frozen, context) == ""  # the input of the pass stays as it was


@pytest.mark.parametrize("form", FORMS)
def test_apply_folds_the_norm_that_follows(form: str) -> None:
    model, x = with_norm(form), torch.randn(FORMS[form][2])
    changed = PASS.apply(torch.jit.freeze(torch.jit.trace(model, x)), Context(((x,),)), ())
    assert not graph_of(changed).findAllNodes("aten::batch_norm", recurse=True)
    torch.testing.assert_close(changed(x), model(x), rtol=1e-5, atol=1e-5)


def test_unfit_of_numbers_and_of_a_module_that_is_not_frozen() -> None:
    x = torch.randn(1, 8, 9, 7)
    plain = torch.jit.trace(nn.Conv2d(8, 8, 3, padding=1).eval(), x)
    assert PASS.unfit(plain, Context(((x,),))) == "the module is not frozen"
    assert PASS.unfit(torch.jit.freeze(plain), Context(((x,),))) == "no padding that is a word"


@pytest.mark.parametrize("mode", ["trace", "script"])
def test_export_prepacks_convolutions_whose_padding_is_a_word(tmp_path: Path, mode: Any) -> None:
    model = nn.Sequential(with_norm("same of an even kernel"), nn.ReLU(), with_norm("valid with a stride"))
    report = edgekit.export(model, ["1x8x16x16"], output=tmp_path / "m.ptl", mode=mode)
    operators = report.manifest.operators
    assert "prepacked::conv2d_clamp_run" in operators
    assert not {"aten::_convolution_mode", "aten::conv2d", "aten::batch_norm"} & set(operators)
    assert ANDROID in report.manifest.fits
    x = torch.randn(2, 8, 13, 21)
    np.testing.assert_allclose(
        edgekit.load(report.package).run([x.numpy()])["0"], model.eval()(x).detach().numpy(), rtol=1e-4, atol=1e-5
    )
