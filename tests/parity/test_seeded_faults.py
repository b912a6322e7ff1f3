"""Seeded faults: a wrong model is found on every probe set, by the gate and by the golden cases, whatever the noise allows.

The widest bounds judge: the noise of every reference is measured first.
"""

from collections.abc import Callable, Iterator, Sequence

import models
import numpy as np
import pytest
import torch
import torchvision
from captures import source_of
from torch import nn

import edgekit
from edgekit.errors import ParityError
from edgekit.format.compare import compare_golden
from edgekit.format.schema import Tolerance
from edgekit.packaging.golden import golden_cases
from edgekit.parity.comparison import Reference
from edgekit.parity.eager import run
from edgekit.parity.gate import judge_optimized
from edgekit.parity.references import eager_references
from edgekit.sources.copies import full_copy
from edgekit.sources.weights import randomize

Fault = Callable[[nn.Module], bool]
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


def lost_bias(part: nn.Module) -> bool:
    if not isinstance(bias := getattr(part, "bias", None), torch.Tensor) or not bias.any():
        return False
    bias.zero_()
    return True


def swapped_channels(part: nn.Module) -> bool:
    weight = getattr(part, "weight", None)
    if not isinstance(weight, torch.Tensor) or len(weight) < 2 or torch.allclose(weight[0], weight[1]):
        return False
    weight[[0, 1]] = weight[[1, 0]].clone()
    return True


def wrong_layer(part: nn.Module) -> bool:
    weight = getattr(part, "weight", None)
    if not isinstance(weight, torch.Tensor) or bool((weight == weight.flatten()[0]).all()):
        return False
    weight.copy_(weight.flatten().roll(1).reshape(weight.shape))
    return True


def stale_statistic(part: nn.Module) -> bool:
    """The statistics as they were one step of momentum before."""
    if not isinstance(part, NORMS) or part.running_mean is None:
        return False
    part.running_mean.mul_(0.9)
    part.running_var.mul_(0.9).add_(0.1)
    return True


FAULTS: tuple[Fault, ...] = (lost_bias, swapped_channels, wrong_layer, stale_statistic)


def faulty(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Every fault in every layer that has it, one at a time."""
    for name, _ in module.named_modules():
        for fault in FAULTS:
            broken = full_copy(module)
            with torch.no_grad():
                if fault(broken.get_submodule(name)):
                    yield f"{fault.__name__} in {name or 'the model'}", broken


def segmenter() -> nn.Module:
    return models.perturb_batchnorm(models.Steps())


def two_heads() -> nn.Module:
    class TwoHeads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU())
            self.heat, self.offset = nn.Conv2d(8, 5, 1), nn.Conv2d(8, 2, 1)

        def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
            y = self.body(x)
            return {"heat": torch.sigmoid(self.heat(y)), "offset": self.offset(y)}

    return models.perturb_batchnorm(TwoHeads())


TABLE = {
    "conv_net": (models.conv_net, "1x3x32x32"),
    "deep": (lambda: models.Deep(8), "1x3x12x12"),
    "segmenter": (segmenter, "1x3x24x24"),
    "two_heads": (two_heads, "1x3x24x24"),
    "encoder": (models.small_encoder, "1x6x32"),
}


def measured(factory: Callable[[], nn.Module], spec: str) -> tuple[nn.Module, tuple[Reference, ...]]:
    source = source_of(factory, spec)
    references = eager_references(source).items
    for reference in references:
        reference.noise()
    return source.module, references


def found_by_gate(broken: nn.Module, references: Sequence[Reference]) -> bool:
    return any(not judge_optimized(broken, [r], Tolerance()).passed for r in references if not r.chaotic(Tolerance()))


@pytest.mark.parametrize("name", TABLE)
def test_every_seeded_fault_is_found(name: str) -> None:
    module, references = measured(*TABLE[name])
    assert judge_optimized(module, references, Tolerance()).passed
    cases = golden_cases(references, Tolerance())
    of_case = {f"forward: {reference.probe.name}": reference for reference in references}
    missed, count = [], 0
    for fault, broken in faulty(module):
        count += 1
        if not found_by_gate(broken, references):
            missed.append(f"the gate: {fault}")
        if all(
            found.passed
            for case in cases
            for found in compare_golden(
                case.outputs, run(broken, of_case[case.name].probe)[1], case.tolerance or Tolerance()
            )
        ):
            missed.append(f"the golden cases: {fault}")
    assert count >= 4
    assert not missed, missed


@pytest.mark.parametrize("output", ["heat", "offset"])
def test_fault_of_one_head_is_found_in_its_output(output: str) -> None:
    module, references = measured(two_heads, "1x3x24x24")
    broken = full_copy(module)
    with torch.no_grad():
        lost_bias(broken.get_submodule(output))
    assert not judge_optimized(broken, references, Tolerance()).passed


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_of_an_optimized_model_is_found_in_predict(fault: Fault, tmp_path, monkeypatch) -> None:
    """The fault is put in after every gate, so that only the golden cases of the saved file can find it."""
    from edgekit import proving

    image = edgekit.ImageSpec(resize=36, crop=32, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
    model, draft_package = models.conv_net().eval(), proving.draft_package
    broken = full_copy(model)
    with torch.no_grad():
        assert sum(
            fault(part) for part in list(broken.modules())[2:3] + list(broken.modules())[3:4] + [broken.classifier]
        )

    def with_fault(optimized, tolerance, destination, *rest):
        from dataclasses import replace

        module = torch.jit.freeze(torch.jit.script(broken))
        draft = draft_package(replace(optimized, module=module), tolerance, destination, *rest)
        return replace(draft, cases=tuple(case for case in draft.cases if case.method == "predict"))

    monkeypatch.setattr(proving, "draft_package", with_fault)
    with pytest.raises(ParityError, match="on case 'predict"):
        edgekit.export(model, ["1x3x32x32"], image=image, output=tmp_path / "o.ptl", server=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["resnet18", "squeezenet1_1", "mnasnet0_5", "shufflenet_v2_x0_5", "mobilenet_v3_small"]
)
def test_every_seeded_fault_in_a_classifier_is_found(name: str) -> None:
    def factory() -> nn.Module:
        torch.manual_seed(0)
        module = torchvision.models.get_model(name, weights=None).eval()
        randomize(module, (torch.zeros(1, 3, 64, 64),), 0)
        return module

    module, references = measured(factory, "1x3x64x64")
    cases = [reference for reference in references if reference.probe.is_case]
    assert judge_optimized(module, cases, Tolerance()).passed
    broken = ((fault, wrong) for fault, wrong in faulty(module) if changes_a_bit(wrong, cases))
    missed = [fault for fault, wrong in broken if not found_by_gate(wrong, cases)]
    assert not missed, missed


def changes_a_bit(broken: nn.Module, references: Sequence[Reference]) -> bool:
    """False for example for two swapped channels that a ReLU holds at zero."""
    return any(not np.array_equal(r.outputs["0"], run(broken, r.probe)[1]["0"]) for r in references)
