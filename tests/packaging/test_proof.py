"""Outputs whose answers hardly differ are UNPROVEN: refused, or recorded and never passed; constants by the graph are not."""

import models
import pytest
import torch
from captures import captured
from torch import nn

import edgekit
from edgekit.capture.constants import constant_outputs
from edgekit.cli.main import main
from edgekit.errors import ParityError
from edgekit.format.golden import GoldenCase, GoldenInput, GoldenOutput
from edgekit.format.schema import Tolerance
from edgekit.packaging.proof import output_proofs, predict_proof
from edgekit.parity.spread import LEAST, spreads


class Hardly(nn.Module):
    """Two heads; the answers of one differ by `scale` relative."""

    def __init__(self, scale: float = 1e-6, offset: float = 1.0) -> None:
        super().__init__()
        self.fc, self.scale, self.offset = nn.Linear(8, 4), scale, offset

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        y = self.fc(x)
        return {"good": y, "flat": self.offset + self.scale * torch.tanh(y)}


class Writes(nn.Module):
    """Outputs that depend on the input by a write, by a view, and only by a size; and constants."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        written, seen, kept = torch.zeros(2, 3), torch.zeros(2, 3), torch.zeros(3)
        written[0] = self.fc(x)[0]
        row = seen.view(-1)[:3]
        row += self.fc(x)[0]
        kept[0] = 1.0
        return {
            "direct": self.fc(x).relu_(),
            "written": written,
            "seen": seen,
            "kept": kept,
            "weight": self.fc.weight * 2.0,
            "like": torch.ones_like(x),
        }


@pytest.mark.parametrize("scale", [1e-6, 5e-6])
def test_export_of_an_output_that_hardly_differs_is_refused(scale: float, tmp_path) -> None:
    torch.manual_seed(0)
    with pytest.raises(ParityError, match=r"output flat of forward is UNPROVEN: .* bounds .*--allow-unproven"):
        edgekit.export(Hardly(scale), ["1x8"], output=tmp_path / "o.ptl")
    assert list(tmp_path.iterdir()) == []


def test_export_of_an_output_that_is_all_but_zero_is_refused(tmp_path) -> None:
    with pytest.raises(ParityError, match="UNPROVEN"):
        edgekit.export(Hardly(1e-8, 0.0), ["1x8"], output=tmp_path / "o.ptl")


def test_unproven_output_that_is_allowed_is_recorded_and_never_passes(tmp_path, capsys) -> None:
    torch.manual_seed(0)
    report = edgekit.export(Hardly(), ["1x8"], output=tmp_path / "o.ptl", allow_unproven=True, server=False)
    assert report.manifest.unproven == ("forward: flat",)
    assert {spec.name: spec.proof for spec in report.manifest.methods[0].outputs} == {
        "good": "varies",
        "flat": "unproven",
    }
    assert not edgekit.verify(report.package).passed
    assert main(["verify", str(report.package)]) == 1
    assert "UNPROVEN: forward: flat" in capsys.readouterr().out
    assert main(["inspect", str(report.package)]) == 0
    assert "UNPROVEN" in capsys.readouterr().out


def test_wider_probes_prove_an_output_that_saturates_in_the_given_range() -> None:
    class Threshold(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu(x.abs() - 20.0)

    found = captured(Threshold, "1x8:float32[-2,2]")
    assert spreads(found.references, Tolerance())["0"] >= LEAST
    assert output_proofs(found, Tolerance()) == {"0": "varies"}


def test_integers_that_never_differ_are_unproven_and_others_are_not() -> None:
    class Labels(nn.Module):
        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return x.argmax(1), (x * 0.0 + torch.arange(8.0)).argmax(1)

    assert output_proofs(captured(Labels, "1x8"), Tolerance()) == {"0": "varies", "1": "unproven"}


@pytest.mark.parametrize("mode", ["trace", "script"])
def test_constants_by_the_graph_differ_from_outputs_that_depend_on_inputs(mode: str) -> None:
    module, x = Writes().eval(), torch.rand(2, 4)
    graph = torch.jit.trace(module, x, strict=False) if mode == "trace" else torch.jit.script(module)
    assert constant_outputs(graph) == {"kept", "weight", "like"}


def test_branch_on_an_input_makes_its_results_depend_on_it() -> None:
    class Branch(nn.Module):
        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            y = torch.zeros(3)
            if bool(x.sum() > 0):
                y = y + 1.0
            return y, torch.ones(3)

    assert constant_outputs(torch.jit.script(Branch())) == {"1"}


def test_constant_outputs_are_exported_beside_others(tmp_path) -> None:
    torch.manual_seed(0)
    report = edgekit.export(Writes(), ["2x4"], output=tmp_path / "o.ptl", server=False)
    proofs = {spec.name: spec.proof for spec in report.manifest.methods[0].outputs}
    assert proofs == dict.fromkeys(("direct", "written", "seen"), "varies") | dict.fromkeys(
        ("kept", "weight", "like"), "constant"
    )
    assert edgekit.verify(report.package).passed


def test_model_without_inputs_is_constant(tmp_path) -> None:
    report = edgekit.export(models.NoInputs(), [], output=tmp_path / "o.ptl", server=False)
    assert not report.manifest.unproven


def picture(score: float, index: int) -> GoldenCase:
    image = GoldenInput(name="image", dtype="uint8", shape=(2, 2, 3), seed=1, low=0, high=255)
    outputs = (
        GoldenOutput(name="0", dtype="float32", shape=(2,), indices=None, values=(score, 1.0 - score)),
        GoldenOutput(name="1", dtype="int64", shape=(2,), indices=None, values=(index, 1 - index)),
    )
    return GoldenCase(name=f"predict: {score} {index}", method="predict", inputs=(image,), outputs=outputs)


def test_predict_is_proved_by_scores_or_ranks_that_differ() -> None:
    assert predict_proof([picture(0.7, 0), picture(0.8, 0)]) == "varies"
    assert predict_proof([picture(0.7, 0), picture(0.7, 1)]) == "varies"
    assert predict_proof([picture(0.7, 0), picture(0.7001, 0)]) == "unproven"
