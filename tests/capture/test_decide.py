"""Capture chooses a mode by its evidence, and refuses a model if no mode is right."""

from collections.abc import Callable

import models
import pytest
import torch
from captures import captured, free_axes, source_of
from torch import nn

from edgekit.capture import attempts
from edgekit.capture.decide import capture
from edgekit.capture.trace import trace
from edgekit.errors import CaptureError, ParityError, SourceError
from edgekit.format.schema import Tolerance
from edgekit.parity.comparison import compare


def test_capture_plain_network_is_traced_with_free_batch_and_size() -> None:
    result = captured(models.conv_net, "1x3x32x32")
    assert result.evidence.mode == "trace"
    assert free_axes(result) == ((0, 0), (0, 2), (0, 3))


def test_capture_branch_on_data_is_scripted_and_evidence_names_probe_and_line() -> None:
    result = captured(models.DynamicModel, "2x4")
    assert result.evidence.mode == "script"
    traced = {p.name: p.verdict for p in result.evidence.probes if p.mode == "trace"}
    assert list(traced.values()) == ["pass"] * (len(traced) - 1) + ["fail"]  # the first difference ends it
    assert any("models.py:" in warning for warning in result.evidence.warnings)
    assert all("/" not in warning.partition(":")[0] for warning in result.evidence.warnings)


class PadsToEight(nn.Module):
    """Pads by a Python number that a trace keeps; with `hidden`, scripting fails, and so does a hybrid."""

    def __init__(self, hidden: bool) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 2, 3)
        self.hidden = [lambda x: x] if hidden else [1]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(nn.functional.pad(x, [0, int(-x.shape[2] % 8)]))[..., : x.shape[2]] * float(len(self.hidden))


@pytest.mark.parametrize(("hidden", "mode", "most"), [(False, "script", 1), (True, "trace", 60)])
def test_capture_searches_the_sizes_of_a_wrong_trace_only_if_no_other_mode_is_right(
    hidden: bool, mode: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    traces: list[str] = []
    monkeypatch.setattr(attempts, "trace", lambda *args: traces.append("trace") or trace(*args))
    result = captured(lambda: PadsToEight(hidden), "1x1x40")
    assert result.evidence.mode == mode
    assert (1 if most == 1 else 3) <= len(traces) <= most
    assert (0, 2) in free_axes(result) or hidden


def test_capture_trace_of_branch_on_data_is_refused_with_the_probe() -> None:
    with pytest.raises(
        ParityError, match=r"trace of models:DynamicModel gives different answers .* 'zeros'[\s\S]*models.py:\d+"
    ):
        captured(models.DynamicModel, "2x4", mode="trace")


def test_capture_trace_of_branch_on_data_allowed_mismatch_is_recorded() -> None:
    result = captured(models.DynamicModel, "2x4", mode="trace", allow=True)
    assert (result.evidence.mode, result.evidence.mismatch_allowed) == ("trace", True)
    assert "negated" in result.evidence.reason
    assert "negated" not in {r.probe.name for r in result.references}


def test_capture_scripted_helper_in_traced_model_keeps_its_branch() -> None:
    result = captured(models.ScriptedHelper, "2x4")
    assert result.evidence.mode == "trace"
    names = {r.probe.name for r in result.references}
    assert {"positive", "negated"} <= names


@pytest.mark.parametrize(("factory", "shape"), [(models.VariableLoop, "5x8"), (models.ScriptedLoopLSTM, "6x2x12")])
def test_capture_loop_over_length_is_scripted_for_any_length(factory: Callable[[], nn.Module], shape: str) -> None:
    result = captured(factory, shape)
    assert result.evidence.mode == "script"
    assert (0, 0) in free_axes(result)


def test_capture_unscriptable_whole_is_hybrid_with_the_guilty_child_scripted() -> None:
    result = captured(models.Unscriptable, "3x4")
    assert result.evidence.mode == "hybrid"
    assert "inner" in result.evidence.scripted


def test_capture_unscriptable_whole_with_guilty_function_scripts_the_function() -> None:
    result = captured(models.UnscriptableWithFunction, "3x4")
    assert result.evidence.mode == "hybrid"
    assert "branch()" in result.evidence.scripted
    assert type(models.branch).__name__ == "function"  # and restores the user's function


@pytest.mark.parametrize("mode", ["script", "hybrid"])
def test_capture_requested_mode_is_used(mode: str) -> None:
    assert captured(models.conv_net, "1x3x32x32", mode=mode).evidence.mode == mode


def test_capture_model_that_no_mode_captures_names_the_source_line() -> None:
    with pytest.raises(CaptureError, match=r"models.py:\d+"):
        captured(models.Hopeless, "3x4")


def test_capture_size_dependent_constant_is_pinned_to_the_example() -> None:
    result = captured(models.FixedSize, "3x4")
    assert "pins" in result.evidence.reason
    assert free_axes(result) == ((0, 0),)
    assert not result.evidence.mismatch_allowed


def test_capture_counter_is_captured_from_a_copy() -> None:
    source = source_of(models.Counter, "3x4")
    capture(source, "auto", Tolerance())
    assert source.module.calls.item() == 0


@pytest.mark.parametrize(("factory", "match"), [(models.Stateful, "keeps state"), (models.Noisy, "is random")])
def test_capture_unrepeatable_model_is_refused(factory: Callable[[], nn.Module], match: str) -> None:
    with pytest.raises(CaptureError, match=match):
        captured(factory, "3x4")


def test_capture_dict_of_several_inputs_has_flattened_names() -> None:
    result = captured(models.TwoInputs, "ids=1x7:int64[0,49]", "mask=1x7")
    first = result.references[0]
    assert (first.structure, set(first.outputs)) == ("{'logits': *, 'hidden': *}", {"logits", "hidden"})
    assert free_axes(result) == ((0, 0), (0, 1), (1, 0), (1, 1))


def test_capture_constant_answer_is_reported_as_unproven() -> None:
    result = captured(models.Constant, "3x4")
    assert {p.verdict for p in result.evidence.probes if p.mode == "trace"} == {"unproven"}


def test_capture_nan_outputs_are_a_bad_model() -> None:
    with pytest.raises(SourceError, match=r"12 of 12 elements NaN"):
        captured(models.NotANumber, "3x4")


def test_capture_no_inputs_is_traced() -> None:
    assert captured(models.NoInputs).evidence.mode == "trace"


def test_capture_refused_shape_says_what_the_model_says() -> None:
    with pytest.raises(SourceError, match=r"refuses x float32 \[1, 4, 32, 32\].*--input"):
        captured(models.conv_net, "1x4x32x32")


def test_compare_other_module_fails() -> None:
    result = captured(models.conv_net, "1x3x32x32")
    other = models.perturb_batchnorm(models.ConvNet(), seed=7).eval()
    assert not any(c.passed for r in result.references for c in compare(r, other, Tolerance()))


def test_compare_other_structure_fails() -> None:
    reference = captured(models.conv_net, "1x3x32x32").references[0]
    assert compare(reference, lambda _: (torch.zeros(1, 5),), Tolerance())[0].reason == "structure"


def test_compare_raising_module_fails() -> None:
    reference = captured(models.conv_net, "1x3x32x32").references[0]
    found = compare(reference, nn.Linear(3, 5), Tolerance())[0]
    assert (found.passed, found.reason) == (False, "error")
