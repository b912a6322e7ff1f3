"""Programs of `torch.export`: inputs, dynamic sizes, and graphs that compute with sizes."""

import warnings
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.export import Dim

import edgekit
from edgekit.errors import SourceError, UsageError
from edgekit.format.axes import AxisRange
from edgekit.pipeline import export_source
from edgekit.proving import ExportRequest
from edgekit.sources.files import from_file
from edgekit.sources.inputs import parse_input
from edgekit.sources.source import SourceModel, SourceRequest


class Sizes(nn.Module):
    """Computes with sizes, as most attention does."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.norm, self.head = nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.Linear(8, 4)
        self.dropout = nn.Dropout(0.5)
        self.norm.running_mean.uniform_(-1, 1)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        n, c, h, w = (y := self.norm(self.conv(x)).relu()).shape
        y = y.reshape(n, c, h * w)[:, :, : h * w // 2].mean(-1)
        return {"logits": self.head(self.dropout(y)), "features": y}


class Nested(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words, self.rnn = nn.Embedding(50, 16), nn.LSTM(16, 8, batch_first=True)

    def forward(self, ids: Any, state: Any, bias: Any = None, *, mask: Any, scale: float = 2.0) -> Any:
        y, state = self.rnn(self.words(ids) * mask.unsqueeze(-1), state)
        return {"y": y * scale if bias is None else y + bias, "state": state}


def saved(path: Path, module: nn.Module, *args: Any, examples: bool = True, **options: Any) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(module, args, **options)
        if not examples:
            program._example_inputs = None
        torch.export.save(program, path)
    return path


def loaded(path: Path, **request: Any) -> SourceModel:
    return from_file(path, SourceRequest(**request))


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sizes = {"x": {0: Dim("n", max=16), 2: Dim("h", min=8, max=64), 3: Dim("w", min=8)}}
    path = tmp_path_factory.mktemp("programs") / "net.anything"
    return saved(path, Sizes().eval(), torch.randn(2, 3, 16, 16), dynamic_shapes=sizes)


def test_from_program_takes_example_and_dynamic_sizes_of_the_program(program: Path) -> None:
    source = loaded(program)
    assert (source.name, source.source) == ("net", "net.anything")
    assert [(spec.name, spec.shape) for spec in source.inputs] == [("x", (2, 3, 16, 16))]
    assert source.dynamic == {(0, 0): AxisRange(min=1, max=16), (0, 2): AxisRange(min=8, max=64)}


def test_from_program_options_of_the_user_come_first(program: Path) -> None:
    source = loaded(program, inputs=[parse_input("4x3x12x12")])
    assert source.inputs[0].shape == (4, 3, 12, 12)


def test_export_program_that_computes_with_sizes_is_right_at_all_of_them(program: Path, tmp_path: Path) -> None:
    report = export_source(str(program), SourceRequest(), ExportRequest(output=tmp_path / "net.ptl", server=False))
    (method,) = report.manifest.methods
    assert report.manifest.capture.mode == "script"
    assert [spec.name for spec in method.outputs] == ["logits", "features"]
    assert method.inputs[0].shape[:3] == (AxisRange(min=1, max=16), 3, AxisRange(min=8, max=64))


def test_export_program_in_python_needs_no_inputs(tmp_path: Path) -> None:
    program = torch.export.export(nn.Linear(4, 2).eval(), (torch.randn(3, 4),))
    report = edgekit.export(program, name="net", output=tmp_path / "net.ptl", server=False)
    assert report.manifest.methods[0].inputs[0].shape == (3, 4)
    assert report.manifest.provenance.source == "torch.export.exported_program:ExportedProgram"


def test_from_program_nested_keyword_and_constant_inputs_are_bound(tmp_path: Path) -> None:
    state = (torch.zeros(1, 2, 8), torch.zeros(1, 2, 8))
    inputs = torch.randint(0, 50, (2, 7)), state
    path = saved(
        tmp_path / "n.pt2", module := Nested().eval(), *inputs, kwargs={"mask": torch.rand(2, 7), "scale": 3.0}
    )
    source = loaded(path)
    assert [spec.name for spec in source.inputs] == ["ids", "state.0", "state.1", "mask"]
    assert source.inputs[1].low < source.inputs[1].high  # the range of an example of zeros is not [0, 0]
    ids, h, c, mask = (torch.from_numpy(spec.first()) for spec in source.inputs)
    answer, wanted = source.module(ids, h, c, mask), module(ids, (h, c), mask=mask, scale=3.0)
    assert torch.equal(answer["y"], wanted["y"])
    assert torch.equal(answer["state.0"], wanted["state"][0])


def test_from_program_multiples_and_wide_ranges_are_kept_in_reach(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sizes = ({0: Dim("n", min=1, max=1000), 1: 4 * Dim("k", min=2, max=9)},)
    path = saved(tmp_path / "n.pt2", nn.Tanh(), torch.randn(2, 8), dynamic_shapes=sizes)
    source = loaded(path)
    assert source.dynamic == {(0, 0): AxisRange(min=1, max=32), (0, 1): AxisRange(min=8, max=36, multiple=4)}
    assert "n.pt2 takes axis 0 of input up to 1000; it is proved up to 32" in caplog.text


def test_from_program_in_training_mode_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "n.pt2", Sizes().train(), torch.randn(2, 3, 16, 16))
    with pytest.raises(SourceError, match=r"made in training mode: .* Call model.eval\(\) before torch.export.export"):
        loaded(path)


def test_from_program_without_examples_asks_for_inputs(tmp_path: Path) -> None:
    path = saved(tmp_path / "n.pt2", nn.Linear(4, 2), torch.randn(1, 4), examples=False)
    with pytest.raises(UsageError, match=r"n.pt2 has no example inputs. Add --input"):
        loaded(path)
    assert loaded(path, inputs=[parse_input("1x4")]).inputs[0].name == "input"


def test_from_program_damaged_is_a_named_error(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "n.pt2", "w") as archive:
        archive.writestr("n/archive_format", "pt2")
    with pytest.raises(SourceError, match=r"n.pt2 cannot be loaded as a torch.export program"):
        loaded(tmp_path / "n.pt2")
