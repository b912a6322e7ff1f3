"""The user's array is the first probe and the input to trace on. What the model refuses of the generated inputs is left out."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

import edgekit
from edgekit.capture.decide import CapturedModel, capture
from edgekit.errors import SourceError, UsageError
from edgekit.format.schema import Tolerance
from edgekit.sources.inputs import from_array, parse_input
from edgekit.sources.source import SourceRequest, from_module


class SortedLengths(nn.Module):
    """Takes only lengths in descending order."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(10, 8)

    def forward(self, ids: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        packed = nn.utils.rnn.pack_padded_sequence(self.table(ids), lengths, batch_first=True, enforce_sorted=True)
        return packed.data.sum(0)


class Masked(nn.Module):
    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return F.softmax(x + mask, -1)


class OneHotOnly(nn.Module):
    """Refuses each input that is not a permutation of 0, 1, ..., and every constant."""

    def forward(self, order: torch.Tensor) -> torch.Tensor:
        torch._assert(order.unique().numel() == order.numel(), "not a permutation")
        return order.float().cumsum(0)


class LogOfPositive(nn.Module):
    """NaN for negative numbers."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.log(x)


class Remembers(nn.Module):
    """Keeps the inputs of its first call."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[torch.Tensor] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen.append(x.detach().clone())
        return 2 * x


def captured(module: nn.Module, *given: object) -> CapturedModel:
    inputs = [from_array("", each) if isinstance(each, np.ndarray) else parse_input(str(each)) for each in given]
    source = from_module(module.eval(), name="m", source="models:m", request=SourceRequest(inputs=inputs))
    return capture(source, "auto", Tolerance())


def refused(model: CapturedModel) -> set[str]:
    return {probe.name for probe in model.evidence.probes if probe.verdict == "refused"}


IDS = np.arange(15).reshape(3, 5) % 10
LENGTHS = np.array([5, 3, 2])


def test_export_sorted_lengths_leaves_out_draws_that_eager_refuses(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = SortedLengths().eval()
    report = edgekit.export(model, [IDS, LENGTHS], output=tmp_path / "m.ptl", server=False)
    cases = {result.case for result in report.verdict.results}
    assert "forward: seed 1, lengths highest" in cases
    answer = edgekit.load(report.package).run([IDS, LENGTHS])["0"]
    np.testing.assert_allclose(answer, model(torch.from_numpy(IDS), torch.from_numpy(LENGTHS)).detach(), atol=1e-5)


def test_capture_sample_is_the_first_probe_and_its_integers_are_permuted() -> None:
    torch.manual_seed(0)
    result = captured(SortedLengths(), IDS, LENGTHS)
    assert result.references[0].probe.name == "the given sample"
    assert torch.equal(result.references[0].probe.inputs[1], torch.from_numpy(LENGTHS))
    permuted = next(r.probe for r in result.references if r.probe.name == "permuted ids")
    assert sorted(permuted.inputs[0].flatten().tolist()) == sorted(IDS.flatten().tolist())
    assert not np.array_equal(permuted.inputs[0].numpy(), IDS)
    assert {"permuted lengths", "seed 1", "seed 2"} <= refused(result)


def test_example_is_the_sample_unless_a_seed_is_given() -> None:
    array = np.array([[0.25, 0.5]], dtype=np.float32)
    source = from_module(
        Remembers().eval(), name="m", source="m", request=SourceRequest(inputs=[from_array("", array)])
    )
    assert np.array_equal(source.example()[0].numpy(), array)
    assert not np.array_equal(source.example(seed=1)[0].numpy(), array)


def test_export_mask_with_infinite_elements(tmp_path: Path) -> None:
    mask = np.triu(np.full((4, 4), -np.inf, np.float32), 1)
    report = edgekit.export(Masked().eval(), ["4x4", mask], output=tmp_path / "m.ptl", server=False)
    assert report.verdict.passed
    spec = report.manifest.methods[0].inputs[1]
    assert (spec.low, spec.high) == (0.0, 0.0)
    assert "the given sample" in {probe.name for probe in report.manifest.capture.probes}


def test_from_array_takes_the_range_of_finite_elements() -> None:
    spec = from_array("m", np.array([-np.inf, -1.0, 3.0, np.inf], dtype=np.float32))
    assert (spec.low, spec.high) == (-1.0, 3.0)


def test_from_array_without_finite_elements_has_the_range_zero() -> None:
    spec = from_array("m", np.full(3, -np.inf, dtype=np.float32))
    assert (spec.low, spec.high) == (0.0, 0.0)


def test_from_array_with_nan_is_refused() -> None:
    with pytest.raises(UsageError, match="input m has NaN elements"):
        from_array("m", np.array([np.nan, 1.0], dtype=np.float32))


def test_capture_nan_answers_to_draws_are_left_out_with_a_sample() -> None:
    result = captured(LogOfPositive(), np.array([[0.5, 1.0, 2.0]], dtype=np.float32))
    assert "negated" in refused(result)
    assert "seed 1" not in refused(result)


def test_capture_sample_that_eager_refuses_is_a_bad_model() -> None:
    with pytest.raises(SourceError, match="refuses"):
        captured(SortedLengths(), IDS, LENGTHS[::-1].copy())


def test_capture_model_that_takes_no_generated_input_is_refused_with_the_reason() -> None:
    with pytest.raises(SourceError, match=r"no generated input .*no golden case: the sample is only a probe"):
        captured(OneHotOnly(), np.arange(32))
