"""The user's array is the first probe and the input to trace on. What the model refuses of the generated inputs is left out."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from packages import edit_golden, rewrite
from torch import nn

import edgekit
from edgekit.capture.captured import CapturedModel
from edgekit.capture.decide import capture
from edgekit.errors import SourceError, UsageError
from edgekit.format.archive import Archive
from edgekit.format.generator import generate, stored
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


def test_from_array_huge_elements_do_not_count_for_the_range() -> None:
    spec = from_array("m", np.array([np.finfo(np.float32).min, -1.0, 3.0], dtype=np.float32))
    assert (spec.low, spec.high) == (-1.0, 3.0)
    spec = from_array("m", np.array([2**40, 7, -(2**40)]))
    assert (spec.low, spec.high) == (7, 7)


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


def test_export_model_that_takes_only_the_sample_and_its_variants(tmp_path: Path) -> None:
    order = np.arange(32)[::-1].copy()
    report = edgekit.export(OneHotOnly().eval(), [order], output=tmp_path / "m.ptl", server=False)
    cases = {result.case for result in report.verdict.results}
    assert {case for case in cases if not case.startswith("forward: size")} == {
        "forward: the given sample",
        "forward: permuted order",
    }
    with Archive(report.package) as archive:
        assert archive.golden is not None
        arrays = [generate(case.inputs[0]) for case in archive.golden.cases]
    assert np.array_equal(arrays[0], order)
    assert not np.array_equal(arrays[1], order)
    assert edgekit.verify(report.package).passed


class Factored(nn.Module):
    """Takes only positive definite matrices."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.linalg.cholesky(x)


def test_capture_floats_of_which_no_draw_is_taken_are_halved_and_moved() -> None:
    result = captured(Factored(), np.diag(np.arange(1, 5)).astype(np.float32))
    of_values = [reference.probe for reference in result.references if not reference.probe.axes]
    assert {probe.name for probe in of_values} == {
        "the given sample",
        "the given sample halved",
        "the given sample moved",
    }
    assert all(probe.is_case for probe in of_values)


def test_capture_sample_beside_generated_inputs_is_tried_with_other_ones() -> None:
    mask = np.triu(np.full((4, 4), -np.inf, np.float32), 1)
    result = captured(Masked(), "4x4", mask)
    first, beside = (r.probe for r in result.references if r.probe.name.startswith("the given sample"))
    assert torch.equal(first.inputs[1], beside.inputs[1])
    assert not torch.equal(first.inputs[0], beside.inputs[0])
    assert first.golden is not None
    assert [given.data is None for given in first.golden] == [True, False]


def test_export_without_a_stored_sample_needs_a_generated_input(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no generated input .*no golden case: the sample is only a probe"):
        edgekit.export(OneHotOnly().eval(), [np.arange(32)], output=tmp_path / "m.ptl", golden_sample=False)


@pytest.mark.parametrize(("rows", "wanted"), [(70_000, True), (4, False)])
def test_export_sample_that_is_not_stored_is_only_a_probe(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, rows: int, wanted: bool
) -> None:
    array = np.linspace(-1, 1, rows * 4, dtype=np.float32).reshape(rows, 4)
    report = edgekit.export(
        nn.Linear(4, 3).eval(), [array], output=tmp_path / "m.ptl", server=False, golden_sample=wanted
    )
    lines = [record.message for record in caplog.records if "is a probe and not a golden case" in record.message]
    assert len(lines) == 1
    assert ("at most 1 MB" in lines[0]) == wanted
    assert "the given sample" in {probe.name for probe in report.manifest.capture.probes}
    with Archive(report.package) as archive:
        assert archive.golden is not None
        assert all(given.data is None for case in archive.golden.cases for given in case.inputs)


def test_export_sample_is_a_golden_case_of_the_same_bytes_each_time(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = SortedLengths().eval()
    files = []
    for name in ("a", "b"):
        path = tmp_path / name / "m.ptl"
        files.append(edgekit.export(model, [IDS, LENGTHS], name="m", output=path, server=False).package)
    assert files[0].read_bytes() == files[1].read_bytes()
    with Archive(files[0]) as archive:
        assert archive.golden is not None
        case = archive.golden.cases[0]
    assert case.name == "forward: the given sample"
    assert [generate(given).tolist() for given in case.inputs] == [IDS.tolist(), LENGTHS.tolist()]


def test_verify_other_bytes_of_a_sample_fail(tmp_path: Path) -> None:
    report = edgekit.export(SortedLengths().eval(), [IDS, LENGTHS], output=tmp_path / "m.ptl", server=False)

    def other_ids(document: Any) -> None:
        document["cases"][0]["inputs"][0] = msgspec.to_builtins(stored("ids", (IDS + 1) % 10))

    changed = rewrite(report.package, tmp_path / "x.ptl", edit_golden(other_ids), remake_digests=True)
    assert {result.case for result in edgekit.verify(changed).failed} == {"forward: the given sample"}


class Selected(nn.Module):
    """NaN or an error where the mask selects nothing."""

    def forward(self, x: torch.Tensor, keep: torch.Tensor) -> torch.Tensor:
        return x[keep].max(0).values


def test_export_boolean_sample_is_a_golden_case(tmp_path: Path) -> None:
    keep = np.array([True, False, True, True, False])
    report = edgekit.export(Selected().eval(), ["5x4", keep], output=tmp_path / "m.ptl", server=False)
    spec = report.manifest.methods[0].inputs[1]
    assert (spec.low, spec.high, type(spec.low)) == (0, 1, int)
    assert edgekit.verify(report.package).passed
    x = np.arange(20, dtype=np.float32).reshape(5, 4)
    assert np.array_equal(edgekit.load(report.package).run([x, keep])["0"], x[3])


def test_run_mask_with_infinite_elements(tmp_path: Path) -> None:
    mask = np.triu(np.full((4, 4), -np.inf, np.float32), 1)
    package = edgekit.export(Masked().eval(), ["4x4", mask], output=tmp_path / "m.ptl", server=False).package
    x = np.ones((4, 4), np.float32)
    found = edgekit.load(package).run([x, mask])["0"]
    np.testing.assert_allclose(found, np.tril(np.ones((4, 4))) / np.arange(1, 5)[:, None], atol=1e-6)
