"""The parity gate catches real bugs of torch."""

from collections.abc import Callable
from typing import Any

import models
import numpy as np
import pytest
import torch
from captures import captured
from torch import nn
from torch.utils.mobile_optimizer import optimize_for_mobile

from edgekit.capture.captured import CapturedModel
from edgekit.format.schema import Tolerance
from edgekit.optimize import optimizer
from edgekit.optimize.optimizer import OptimizedModel, optimize
from edgekit.optimize.passes.base import Pass, passes_of
from edgekit.optimize.recipes import RECIPES
from edgekit.parity.comparison import Reference, compare
from edgekit.parity.gate import Judgement, judge_optimized

EXACT = Tolerance()


def agrees(captured: CapturedModel, module: torch.jit.ScriptModule) -> bool:
    return all(c.passed for r in captured.references for c in compare(r, module, EXACT))


def optimized(captured: CapturedModel, recipe: str) -> OptimizedModel:
    return optimize(captured, recipe, passes_of(RECIPES[recipe], "android"), EXACT)


def broken_module(*_: object) -> torch.jit.ScriptModule:
    wrong = torch.jit.trace(models.perturb_batchnorm(models.ConvNet(), seed=9).eval(), torch.zeros(1, 3, 32, 32))
    assert isinstance(wrong, torch.jit.ScriptModule)
    return wrong


def raising(*_: object) -> torch.jit.ScriptModule:
    raise RuntimeError("an internal assert")


def test_gate_naive_order_on_conv_batchnorm_leaves_the_fusion_out() -> None:
    """torch #76807: optimize_for_mobile of an unfrozen trace loses BatchNorm's shift where the convolution has no bias."""
    model = captured(models.conv_net, "1x3x32x32", mode="trace")
    assert not agrees(model, optimize_for_mobile(model.module)), (
        "torch repaired #76807: the gate has nothing to catch here"
    )
    result = optimized(model, "naive")
    assert result.recipe.passes[-1].left_out == ("CONV_BN_FUSION",)
    assert "norm" in result.recipe.passes[-1].note
    assert agrees(model, result.module)


def test_gate_zeroed_bias_leaves_the_prepack_folding_out() -> None:
    """swin_v2: prepack folding uses the bias of a linear layer from before it is zeroed in place."""
    model = captured(models.ZeroedBias, "3x6")
    assert not agrees(model, optimize_for_mobile(torch.jit.freeze(model.module.eval()))), "torch repaired the folding"
    result = optimized(model, "mobile")
    by_name = {step.name: step for step in result.recipe.passes}
    assert by_name["optimize_for_mobile"].left_out == ("INSERT_FOLD_PREPACK_OPS",)
    assert agrees(model, result.module)


def test_gate_wrong_pass_without_parts_is_dropped() -> None:
    model = captured(models.conv_net, "1x3x32x32")
    result = optimize(model, "x", (Pass(name="wrong", apply=broken_module),), EXACT)
    assert not result.recipe.passes[0].applied
    assert agrees(model, result.module)


def test_gate_quick_proof_judges_each_pass_on_fewer_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    model, judged = captured(models.conv_net, "1x3x32x32"), []

    def counted(module: nn.Module, references: list[Reference], *args: Any, **options: Any) -> Judgement:
        judged.append({reference.probe.name for reference in references})
        return judge_optimized(module, references, *args, **options)

    monkeypatch.setattr(optimizer, "judge_optimized", counted)
    quick = optimize(model, "mobile", passes_of(RECIPES["mobile"], "android"), EXACT, proof="quick")
    sized = next(r.probe.name for r in model.references if r.probe.axes)
    assert quick.proof == "quick"
    assert judged
    assert all(names == {"seed 1", sized} for names in judged)


def test_gate_raising_pass_is_dropped_and_says_so() -> None:
    model = captured(models.conv_net, "1x3x32x32")
    result = optimize(model, "x", (Pass(name="raises", apply=raising),), EXACT)
    assert (result.recipe.passes[0].applied, result.recipe.passes[0].note) == (
        False,
        "raises RuntimeError: an internal assert",
    )


def test_gate_smallest_set_of_parts_is_left_out() -> None:
    """A pass that is right only without both b and c is applied without these two, and with a."""
    model = captured(models.conv_net, "1x3x32x32")

    def apply(module: torch.jit.ScriptModule, _: object, left_out: object) -> torch.jit.ScriptModule:
        return module if {"b", "c"} <= set(left_out) else broken_module(module)

    result = optimize(model, "x", (Pass(name="two", apply=apply, parts=("a", "b", "c")),), EXACT)
    assert result.recipe.passes[0].left_out == ("b", "c")


class Logarithm(nn.Module):
    """Returns NaN and infinity on the stress probes, on which passes must not be judged."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(torch.log(x + 2.5))


def test_gate_overflowing_stress_probes_leave_nothing_out() -> None:
    model = captured(Logarithm, "3x6")
    assert any(not np.isfinite(r.outputs["0"]).all() for r in model.references)
    result = optimized(model, "mobile")
    assert [step.left_out for step in result.recipe.passes if step.applied] == [(), ()]


def test_mobile_recipe_converts_layout_once_at_the_front() -> None:
    model = captured(models.conv_net, "1x3x32x32")
    result = optimized(model, "mobile")
    assert [step.name for step in result.recipe.passes if step.applied] == [
        "freeze",
        "channels_last",
        "optimize_for_mobile",
    ]
    operators = [
        node.kind() for node in result.module.graph.nodes() if node.kind().startswith(("aten::", "prepacked::"))
    ]
    assert operators[0] == "aten::contiguous"
    assert operators.count("aten::contiguous") == 1
    assert "prepacked::conv2d_clamp_run" in operators


class Segmenter(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = models.perturb_batchnorm(models.ConvNet()).features[:6]
        self.head = nn.Conv2d(16, 4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(x))


def test_mobile_recipe_gives_rank_4_outputs_in_their_own_layout() -> None:
    model = captured(Segmenter, "1x3x32x32")
    result = optimized(model, "mobile")
    assert result.module(torch.rand(1, 3, 32, 32)).is_contiguous()
    assert agrees(model, result.module)


@pytest.mark.parametrize(
    ("factory", "shape", "note"),
    [(models.small_encoder, "1x10x32", "no input of rank 4"), (lambda: nn.Conv2d(3, 4, 3), "1x3x8x8", "fewer than 2")],
)
def test_channels_last_without_effect_is_not_applied(factory: Callable[[], nn.Module], shape: str, note: str) -> None:
    result = optimized(captured(factory, shape), "mobile")
    step = next(step for step in result.recipe.passes if step.name == "channels_last")
    assert not step.applied
    assert note in step.note
