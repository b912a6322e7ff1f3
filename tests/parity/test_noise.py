"""Float32's noise: it widens bounds, it leaves out chaotic probes and undecided elements, and a wrong model is still found."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import models
import numpy as np
import pytest
import torch
from captures import captured, source_of
from torch import nn

import edgekit
from edgekit.errors import CaptureError, ParityError
from edgekit.format.archive import Archive
from edgekit.format.schema import NOISE_CAP, Tolerance
from edgekit.packaging.golden import golden_cases
from edgekit.parity.comparison import Reference, compare
from edgekit.parity.eager import run
from edgekit.parity.gate import judge_capture, measure_noise, with_noise
from edgekit.parity.kernels import InFloat64, Nudged, other_answer
from edgekit.parity.noise import FACTOR, LOUD, Answer, Noise, NoiseMeter, OutputNoise, measure
from edgekit.parity.probes import Probe
from edgekit.parity.references import eager_references


def noise_of(module: nn.Module, *inputs: torch.Tensor):
    probe = Probe(name="probe", inputs=inputs)
    return measure(module.eval(), probe, run(module, probe)[1])


def test_noise_of_a_deep_model_is_near_its_distance_from_float64() -> None:
    module, x = models.Deep().eval(), torch.rand(1, 3, 32, 32) * 4 - 2
    found = noise_of(module, x).outputs["0"]
    exact = other_answer(module, Probe(name="probe", inputs=(x,)), InFloat64())
    assert exact is not None
    with torch.no_grad():
        answer = module(x).double().numpy()
    distance = np.linalg.norm(answer - exact["0"]) / np.linalg.norm(answer)
    assert 1e-6 < distance <= found.norm < 50 * distance
    assert found.widened(Tolerance()).norm == pytest.approx(max(1e-5, FACTOR * found.norm))


def test_noise_of_a_small_model_leaves_the_bound() -> None:
    assert noise_of(models.conv_net(), torch.rand(1, 3, 32, 32)).outputs["0"].widened(Tolerance()) == Tolerance()


def test_noise_of_constant_inputs_is_the_largest_of_several_nudges() -> None:
    module, probe = models.Deep().eval(), Probe(name="probe", inputs=(torch.zeros(1, 3, 32, 32),))
    answer = run(module, probe)[1]
    few = measure(module, probe, answer).outputs["0"]
    many = measure(module, replace(probe, stress=True), answer).outputs["0"]
    assert (many.norm, many.max) > (few.norm, few.max)
    assert many.max < 3 * few.max


class Converts(nn.Module):
    """Converts to float32 and makes float32 tensors inside, around weights with a bias."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x.float() / 255) + torch.ones(1, dtype=torch.float32)


def test_float64_reaches_models_that_convert_to_float32() -> None:
    probe = Probe(name="probe", inputs=(torch.randint(0, 256, (1, 3, 8, 8), dtype=torch.uint8),))
    found = other_answer(Converts().eval(), probe, InFloat64())
    assert found is not None
    assert found["0"].dtype == np.float64


class InPlaceViews(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x * 0.3
        row = y[:, 0]
        row += 1.0
        torch.relu_(y)
        return y.view(-1)


def test_nudged_kernels_keep_views_whole_numbers_and_writes_in_place() -> None:
    probe = Probe(name="probe", inputs=(torch.rand(2, 3),))
    answer, nudged = run(InPlaceViews(), probe)[1]["0"], other_answer(InPlaceViews(), probe, Nudged(1.0, 0))
    assert nudged is not None
    assert 0.0 < np.abs(answer - nudged["0"]).max() < 1e-5
    whole = Probe(name="probe", inputs=(torch.arange(6.0).reshape(2, 3),))
    assert np.array_equal(other_answer(nn.Identity(), whole, Nudged(1.0, 0))["0"], whole.inputs[0].numpy())


class ReadsElsewhere(nn.Module):
    """Its answer in float64 has nothing to do with the other one, as that of an operator that reads beyond its input."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * 1e300 if x.dtype == torch.float64 else x


def test_noise_with_an_answer_in_float64_beyond_float32_is_that_of_the_nudges() -> None:
    probe = Probe(name="probe", inputs=(torch.rand(2, 3) + 0.1,))
    found = measure(ReadsElsewhere(), probe, run(ReadsElsewhere(), probe)[1])
    assert 0.0 < found.largest < 1e-4


@pytest.mark.parametrize("freeze", [False, True])
def test_noise_of_torchscript_is_measured_without_modes(freeze: bool) -> None:
    module = torch.jit.script(models.conv_net().eval())
    module = torch.jit.freeze(module) if freeze else module
    found = noise_of(module, torch.rand(1, 3, 32, 32))
    assert 0.0 <= found.largest < 1e-5


def test_undecided_elements_are_few_and_on_the_edge() -> None:
    torch.manual_seed(0)
    module, x = models.Steps().eval(), torch.rand(1, 3, 96, 96)
    with torch.no_grad():
        smooth = module(x)["smooth"]
        module.head.bias[:2] -= (smooth[0, 0] - smooth[0, 1]).flatten()[7] * torch.tensor(
            [0.5, -0.5]
        )  # a tie at element 7
        module.head.bias[2:] -= 100.0
    found = noise_of(module, x).outputs
    assert found["smooth"].undecided is None
    undecided = found["labels"].undecided
    assert undecided is not None
    assert undecided[7]
    assert undecided.sum() <= 9


def test_step_that_rounding_decides_everywhere_is_chaotic() -> None:
    class Tie(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return (x / 3.0 * 3.0 > x).sum(1)

    assert noise_of(Tie(), torch.rand(1, 4000)).chaotic(Tolerance())


def test_shape_that_rounding_decides_is_chaotic() -> None:
    class Selected(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x[x / 3.0 * 3.0 > x]

    assert noise_of(Selected(), torch.rand(4000)).chaotic(Tolerance())


def test_compare_leaves_out_undecided_elements_and_finds_others() -> None:
    torch.manual_seed(0)
    module, x = models.Steps().eval(), torch.rand(1, 3, 96, 96)
    probe = Probe(name="probe", inputs=(x,))
    structure, outputs = run(module, probe)
    meter = NoiseMeter(partial(measure, module))
    reference = Reference(probe=probe, structure=structure, outputs=outputs, meter=meter)
    undecided = meter.measure(probe, outputs).outputs["picture"].undecided
    assert undecided is not None

    def with_flip(index: int):
        def flipped(given: torch.Tensor):
            value = module(given)
            value["picture"].view(-1)[index] ^= 1
            return value

        return compare(reference, flipped, Tolerance())

    assert all(found.passed for found in with_flip(int(np.flatnonzero(undecided)[0])))
    failed = [found for found in with_flip(int(np.flatnonzero(~undecided)[-1])) if not found.passed]
    assert [(found.output, found.reason) for found in failed] == [("picture", "exact")]
    assert np.ravel_multi_index(failed[0].worst_index, outputs["picture"].shape) == np.flatnonzero(~undecided)[-1]


def test_quiet_model_has_only_the_first_answer_measured() -> None:
    found = captured(models.conv_net, "1x3x32x32").references
    assert [r.probe.name for r in found if r.measured is not None] == ["seed 1"]


def draws(references: Sequence[Reference]) -> list[str]:
    return [r.probe.name for r in references if r.probe.is_case and not r.probe.axes]


@pytest.mark.parametrize("chaotic", [set(), {"seed 1", "seed 2"}])
def test_heavy_model_has_two_calm_draws_as_golden_cases_and_all_probes_as_judges(chaotic: set[str]) -> None:
    found = eager_references(source_of(models.conv_net, "1x3x32x32")).items

    def measuring(probe: Probe, answer: Answer) -> Noise:
        return Noise(outputs={name: OutputNoise(norm=1.0 if probe.name in chaotic else 2 * LOUD) for name in answer})

    meter = NoiseMeter(measuring)
    metered = [replace(r, meter=meter) for r in found]
    light = measure_noise("models:conv_net", metered, Tolerance())
    heavy = measure_noise("models:conv_net", metered, Tolerance(), most_cases=2)
    assert [r.probe.name for r in heavy] == [r.probe.name for r in light]
    assert len(draws(light)) > 2
    assert draws(heavy) == (["positive", "negated"] if chaotic else ["seed 1", "seed 2"])


def test_heavy_model_is_one_of_many_multiply_adds() -> None:
    found = eager_references(source_of(models.conv_net, "1x3x32x32"))
    assert found.most_cases is None
    assert replace(found, work=1e11).most_cases == 2


def test_model_that_is_almost_loud_has_the_second_answer_measured_too() -> None:
    found = captured(models.conv_net, "1x3x32x32").references

    def measuring(_: Probe, answer: Answer) -> Noise:
        return Noise(outputs={name: OutputNoise(norm=0.6 * LOUD) for name in answer})

    meter = NoiseMeter(measuring)
    measure_noise("models:conv_net", [replace(r, meter=meter) for r in found], Tolerance())
    assert list(meter.found) == ["seed 1", "seed 2"]


class ChaoticAtZero(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc, self.chaos = nn.Linear(8, 8), models.Chaos()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        zero = (x.abs().sum() == 0).float()
        return self.fc(x) + zero * self.chaos(self.fc(x))


def test_chaotic_probe_is_left_out_and_named() -> None:
    found = captured(ChaoticAtZero, "1x8")
    other = captured(ChaoticAtZero, "1x8").module
    other.chaos.scale.data *= 1.0 + 2.0**-20
    judged = judge_capture(other, found.references, Tolerance())
    assert judged.passed
    assert "zeros" not in {reference.probe.name for reference in judged.references}
    evidence = with_noise(found.evidence, found.references, Tolerance())
    verdicts = {probe.name: probe.verdict for probe in evidence.probes}
    assert verdicts["zeros"] == "chaotic"
    assert verdicts["seed 1"] == "pass"
    assert "forward: zeros" not in {case.name for case in golden_cases(found.references, Tolerance())}


def test_judgement_without_references_does_not_pass() -> None:
    assert not judge_capture(nn.Identity(), (), Tolerance()).passed


def test_model_that_is_chaotic_everywhere_is_refused() -> None:
    with pytest.raises(ParityError, match=r"is chaotic: on every probe.*--tolerance"):
        captured(models.Chaos, "1x8")


def test_looser_tolerance_accepts_noise() -> None:
    noise = noise_of(models.Chaos(20), torch.rand(1, 8))
    assert FACTOR * noise.largest > NOISE_CAP
    assert not noise.chaotic(Tolerance(norm=10.0, max=10.0, loosened=True))


def test_random_model_is_not_taken_for_noise() -> None:
    with pytest.raises(CaptureError, match="random"):
        eager_references(source_of(models.Noisy, "1x4"))


def test_bounds_and_noise_are_in_the_package(tmp_path) -> None:
    report = edgekit.export(models.Deep().eval(), ["1x3x32x32"], output=tmp_path / "deep.ptl", server=False)
    assert {step.name for step in report.manifest.recipe.passes if step.applied} >= {"freeze", "optimize_for_mobile"}
    with Archive(report.package) as archive:
        cases = archive.golden.cases
    wide = [case.tolerance for case in cases if "size" not in case.name]  # the smallest sizes are less noisy
    assert wide
    assert all(1e-5 < bounds.norm <= NOISE_CAP and not bounds.loosened for bounds in wide)
    assert all(case.noise is not None for case in cases)
    assert edgekit.verify(report.package).passed
