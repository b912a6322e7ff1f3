"""The saved file decides which sizes the manifest claims."""

from dataclasses import replace
from pathlib import Path

import models
import pytest
import torch
from torch import nn

import edgekit
from edgekit import proving
from edgekit.capture import attempts
from edgekit.capture.trace import Trace, trace
from edgekit.errors import ParityError
from edgekit.format.archive import Archive
from edgekit.format.axes import AxisRange
from edgekit.format.schema import Proof
from edgekit.optimize.passes.base import Pass
from edgekit.parity import references
from edgekit.parity.noise import Answer, Noise, OutputNoise
from edgekit.parity.probes import Probe
from edgekit.runtimes.lite import LiteModule

PROOFS: tuple[Proof, ...] = ("quick", "full")


class Scaled(nn.Module):
    """Takes an array and a number of rank 0."""

    def forward(self, x: torch.Tensor, count: torch.Tensor) -> torch.Tensor:
        return x.relu() * (count + 1)


def test_export_sample_of_rank_0_beside_an_array_of_any_size(tmp_path: Path) -> None:
    class Refuses(Scaled):
        def forward(self, x: torch.Tensor, count: torch.Tensor) -> torch.Tensor:
            if x.shape[0] != 3:
                raise ValueError("three rows only")
            return super().forward(x, count)

    inputs = [torch.rand(3, 5), torch.tensor(2)]
    made = edgekit.export(Refuses(), inputs, output=tmp_path / "o.ptl", mode="trace", server=False)
    assert made.manifest.methods[0].inputs[0].shape[0] == 3


class Faulty(nn.Module):
    """A model that is wrong at some sizes, as a saved file may be."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model


class WrongRows(Faulty):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.model(x)
        return y + 1 if x.shape[0] != 1 else y


class RandomRows(Faulty):
    """Two runs differ too, as those of an operator that reads beyond its input."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.model(x)
        return y + torch.rand_like(y) if x.shape[0] != 1 else y


class RaisesInRows(Faulty):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.shape[0] != 1:
            raise ValueError("one row only")
        return self.model(x)


class RoundedRows(Faulty):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.model(x)
        return y * 1.00002 if x.shape[0] != 1 else y


class WrongHeight(Faulty):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.model(x)
        return y + 1 if x.shape[2] > 40 else y


def with_fault(monkeypatch: pytest.MonkeyPatch, fault: type[Faulty], model: nn.Module) -> None:
    """Puts a fault in after every gate. Only the judge of the saved file can find it."""
    write = proving.draft_package

    def draft(first, tolerance, path, others=()):
        wrong = [
            replace(each, module=torch.jit.freeze(torch.jit.script(fault(model).eval())))
            if each.captured.source.method == "forward"
            else each
            for each in (first, *others)
        ]
        return write(wrong[0], tolerance, path, wrong[1:])

    monkeypatch.setattr(proving, "draft_package", draft)


@pytest.mark.parametrize("fault", [WrongRows, RandomRows, RaisesInRows])
@pytest.mark.parametrize("dynamic", [None, "0=1-4"])
def test_saved_file_that_differs_at_another_size_leaves_the_sizes_of_the_example(
    dynamic: str | None, fault: type[Faulty], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, path = nn.Sequential(nn.Linear(8, 4), nn.ReLU()), tmp_path / "o.ptl"
    with_fault(monkeypatch, fault, model)
    if dynamic:
        with pytest.raises(ParityError, match="the saved file of Sequential is wrong at the size"):
            edgekit.export(model, ["1x8"], output=path, server=False, dynamic=dynamic)
        assert not path.exists()
    else:
        made = edgekit.export(model, ["1x8"], output=path, server=False)
        assert made.manifest.methods[0].inputs[0].shape == (1, 8)
        assert made.verdict.passed


class WrongEverywhere(Faulty):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.model(x) + 1


def test_mode_whose_saved_file_is_wrong_is_named_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = nn.Sequential(nn.Linear(8, 4), nn.ReLU())
    with_fault(monkeypatch, WrongEverywhere, model)
    faulty = proving.draft_package
    monkeypatch.undo()
    write = proving.draft_package

    def draft(first, tolerance, path, others=()):
        return (faulty if first.captured.evidence.mode == "trace" else write)(first, tolerance, path, others)

    monkeypatch.setattr(proving, "draft_package", draft)
    made = edgekit.export(model, ["1x8"], output=tmp_path / "o.ptl", server=False)
    assert made.manifest.capture.mode == "script"
    assert made.manifest.capture.reason.startswith(
        "trace does not survive to the saved file (Sequential: the saved file disagrees"
    )
    assert "\n" not in made.manifest.capture.reason


def test_saved_file_that_differs_at_one_axis_keeps_the_ranges_of_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = edgekit.export(models.conv_net(), ["1x3x32x32"], output=tmp_path / "p.ptl", server=False)
    model = models.conv_net()
    with_fault(monkeypatch, WrongHeight, model)
    made = edgekit.export(model, ["1x3x32x32"], output=tmp_path / "o.ptl", server=False)
    (batch, _, height, width), whole = (
        made.manifest.methods[0].inputs[0].shape,
        plain.manifest.methods[0].inputs[0].shape,
    )
    assert isinstance(height, AxisRange)
    assert 32 <= height.max <= 40
    assert (batch, width) == (whole[0], whole[3])
    assert made.verdict.passed
    with Archive(made.package) as archive:
        assert archive.golden is not None
        shapes = [case.inputs[0].shape for case in archive.golden.cases]
    assert max(shape[2] for shape in shapes) <= height.max
    assert any(shape != (1, 3, 32, 32) for shape in shapes)


class WrongWhereNegative(nn.Module):
    """Right on the sharpest probes of a quick proof, and wrong on inputs without positive elements."""

    def __init__(self, right: nn.Module) -> None:
        super().__init__()
        self.right = right

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.right(x) + (x.max() < 0.0).float() * 0.01


@pytest.mark.parametrize("proof", PROOFS)
def test_pass_that_is_wrong_on_a_probe_of_the_saved_file_alone_is_dropped(
    proof: Proof, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = Pass(name="wrong", apply=lambda module, *_: torch.jit.script(WrongWhereNegative(module)))
    monkeypatch.setattr(proving, "passes_of", lambda *_: (wrong,))
    made = edgekit.export(models.conv_net(), ["1x3x32x32"], output=tmp_path / "o.ptl", server=False, proof=proof)
    (result,) = made.manifest.recipe.passes
    assert (result.name, result.applied) == ("wrong", False)
    assert "negated" in result.note
    assert made.manifest.capture.proof == "full"
    assert made.verdict.passed


@pytest.mark.parametrize("proof", PROOFS)
def test_capture_that_is_wrong_on_a_probe_of_the_saved_file_alone_is_not_chosen(
    proof: Proof, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(module: nn.Module, example: tuple[torch.Tensor, ...]) -> Trace:
        return trace(WrongWhereNegative(module), example)

    monkeypatch.setattr(attempts, "trace", wrong)
    made = edgekit.export(models.conv_net(), ["1x3x32x32"], output=tmp_path / "o.ptl", server=False, proof=proof)
    assert made.manifest.capture.mode == "script"
    assert "trace differs on negated" in made.manifest.capture.reason
    assert made.verdict.passed


@pytest.mark.parametrize("name", ["zeros", "large"])
def test_saved_file_that_is_wrong_on_a_probe_that_is_not_a_case_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = LiteModule.run
    inputs = {"zeros": lambda x: x.max() == 0.0, "large": lambda x: abs(x).max() > 4.0}[name]

    def wrong(self, method, arrays):
        structure, outputs = run(self, method, arrays)
        return structure, {key: value + (1 if inputs(arrays[0]) else 0) for key, value in outputs.items()}

    monkeypatch.setattr(LiteModule, "run", wrong)
    with pytest.raises(ParityError, match=f"disagrees with the eager model on probe '{name}'"):
        edgekit.export(models.conv_net(), ["1x3x32x32"], output=tmp_path / "o.ptl", server=False)
    assert list(tmp_path.iterdir()) == []


def test_quick_proof_of_a_right_model_captures_and_optimizes_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    monkeypatch.setattr(attempts, "trace", lambda *args: made.append("trace") or trace(*args))
    report = edgekit.export(models.conv_net(), ["1x3x32x32"], output=tmp_path / "o.ptl", server=False)
    assert made == ["trace"]
    assert report.manifest.capture.proof == "quick"
    judged = {probe.name: probe.detail for probe in report.manifest.capture.probes}
    assert judged["negated"] == attempts.IN_THE_FILE


class Encoder(nn.Sequential):
    def encode(self, x: torch.Tensor) -> torch.Tensor:
        return self[0](x) * 2


def test_saved_file_of_several_methods_loses_the_ranges_of_the_one_that_differs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def only_together(first, tolerance, path, others=()):
        return (faulty if others else write)(first, tolerance, path, others)

    write = proving.draft_package
    model = Encoder(nn.Linear(8, 4), nn.ReLU())
    with_fault(monkeypatch, WrongRows, model)
    faulty = proving.draft_package
    monkeypatch.setattr(proving, "draft_package", only_together)
    made = edgekit.export(model, ["1x8"], methods={"encode": "1x8"}, output=tmp_path / "o.ptl", server=False)
    forward, encode = (made.manifest.method(name) for name in ("forward", "encode"))
    assert forward is not None
    assert encode is not None
    assert forward.inputs[0].shape == (1, 8)
    assert isinstance(encode.inputs[0].shape[0], AxisRange)
    assert made.verdict.passed


def test_saved_file_that_differs_by_the_noise_of_a_size_keeps_it_with_wider_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measured(_: nn.Module, probe: Probe, answer: Answer, __: object) -> Noise:
        amount = 1e-5 if probe.axes else 0.0
        return Noise(outputs={name: OutputNoise(norm=amount, max=amount) for name in answer})

    monkeypatch.setattr(references, "measure", measured)
    model = nn.Sequential(nn.Linear(8, 4), nn.ReLU())
    with_fault(monkeypatch, RoundedRows, model)
    made = edgekit.export(model, ["1x8"], output=tmp_path / "o.ptl", server=False)
    assert isinstance(made.manifest.methods[0].inputs[0].shape[0], AxisRange)
    assert made.verdict.passed
    with Archive(made.package) as archive:
        assert archive.golden is not None
        bounds = [case.tolerance for case in archive.golden.cases if case.inputs[0].shape != (1, 8)]
    assert bounds
    assert all(bound is not None and bound.norm >= 4e-5 for bound in bounds)


def test_saved_file_runs_each_probe_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[tuple[str, bytes]] = []
    run = LiteModule.run

    def counted(self, method, inputs):
        runs.append((str(inputs[0].shape), inputs[0].tobytes()))
        return run(self, method, inputs)

    monkeypatch.setattr(LiteModule, "run", counted)
    edgekit.export(models.conv_net(), ["1x3x32x32"], output=tmp_path / "o.ptl", server=False)
    assert len(runs) > 8
    assert len(set(runs)) == len(runs)


def test_saved_file_that_differs_at_the_size_of_the_example_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(_draft: proving.PackageDraft) -> None:
        raise ParityError("the saved file disagrees on case 'forward: seed 1'")

    monkeypatch.setattr(proving, "judge_file", never)
    with pytest.raises(ParityError, match="seed 1"):
        edgekit.export(models.conv_net(), ["1x3x32x32"], output=tmp_path / "o.ptl", server=False)
    assert list(tmp_path.iterdir()) == []
