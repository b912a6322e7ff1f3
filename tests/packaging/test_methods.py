"""The methods of a package whose outputs depend on the data."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from packages import edit_golden, rewrite
from torch import Tensor, nn

import edgekit
from edgekit.errors import CaptureError
from edgekit.format.archive import Archive
from edgekit.nested import named_arrays


class Steps(nn.Module):
    """As many steps as the data says. `kind` is what it returns of them."""

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.out, self.table = nn.GRUCell(12, 24), nn.Linear(24, 30), nn.Embedding(30, 12)

    def steps(self, h: Tensor) -> list[Tensor]:
        tokens = torch.zeros(h.shape[0], dtype=torch.long)
        found: list[Tensor] = []
        for _ in range(int(h.abs().sum().item()) % 5):
            h = self.cell(self.table(tokens), h)
            tokens = self.out(h).argmax(1)
            found.append(tokens)
        return found


class Listed(Steps):
    def forward(self, h: Tensor) -> list[Tensor]:
        return self.steps(h)


class Nested(Steps):
    def forward(self, h: Tensor) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        pairs: list[tuple[Tensor, Tensor]] = []
        for tokens in self.steps(h):
            pairs.append((tokens, tokens * 2))
        return h * 2, pairs


class Sometimes(Steps):
    def forward(self, h: Tensor) -> tuple[Tensor, Tensor | None]:
        y = self.out(h)
        if bool(h.sum() > 0):
            return y, h * 2
        return y, None


class Keys(Steps):
    def forward(self, h: Tensor) -> dict[str, Tensor]:
        found = {"y": self.out(h)}
        if bool(h.sum() < 0):
            found["more"] = h * 2
        return found


class ListsInADict(Steps):
    def forward(self, h: Tensor) -> dict[str, list[Tensor]]:
        return {"steps": self.steps(h), "more": [h]}


class InADict(Steps):
    """Neither a list of tensors nor a dict of tensors: the adapter would keep the outputs of the first answer alone."""

    def forward(self, h: Tensor) -> Any:
        return {"y": self.out(h), "steps": self.steps(h)}


def made(kind: type[Steps]) -> Steps:
    torch.manual_seed(4)
    return kind().eval()


@pytest.mark.parametrize("kind", [Listed, Nested, Sometimes, Keys, ListsInADict])
def test_export_structure_that_depends_on_the_data_is_in_the_cases(tmp_path: Path, kind: type[Steps]) -> None:
    model = made(kind)
    report = edgekit.export(model, ["3x24"], output=tmp_path / "m.ptl")
    assert report.manifest.capture.mode == "script"
    assert report.manifest.methods[0].structure is None
    assert edgekit.verify(report.package).passed
    with Archive(report.package) as archive:
        assert archive.golden is not None
        assert len({case.structure for case in archive.golden.cases}) > 1
    loaded, lengths = edgekit.load(report.package), set()
    for seed in range(8):
        h = torch.randn(3, 24, generator=torch.Generator().manual_seed(seed))
        expected, found = named_arrays(model(h)), loaded.run([h.numpy()])
        assert list(found) == list(expected)
        assert all(np.allclose(found[name], value, atol=1e-5) for name, value in expected.items())
        lengths.add(len(found))
    assert len(lengths) > 1


def test_export_structure_of_every_case_is_in_the_method_alone(tmp_path: Path) -> None:
    report = edgekit.export(nn.Linear(4, 3).eval(), ["2x4"], output=tmp_path / "m.ptl", server=False)
    assert report.manifest.methods[0].structure == "*"
    with Archive(report.package) as archive:
        assert archive.golden is not None
        assert [case.structure for case in archive.golden.cases if case.structure is not None] == []


def test_verify_wrong_structure_of_a_case_fails(tmp_path: Path) -> None:
    report = edgekit.export(made(Listed), ["3x24"], output=tmp_path / "m.ptl", server=False)
    changed = rewrite(report.package, tmp_path / "x.ptl", edit_golden(one_structure), remake_digests=True)
    verdict = edgekit.verify(changed)
    assert {result.comparison.reason for result in verdict.failed} == {"structure"}


def one_structure(document: Any) -> None:
    for case in document["cases"]:
        case["structure"] = "[*, *, *]"


class Nothing(nn.Module):
    def forward(self, _: Tensor) -> list[Tensor]:
        return []


def test_export_model_that_returns_nothing_on_every_probe_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="without a tensor in it"):
        edgekit.export(Nothing().eval(), ["3x4"], output=tmp_path / "m.ptl")


def test_export_outputs_that_the_adapter_would_lose_are_refused(tmp_path: Path) -> None:
    message = re.escape("the outputs depend on the data: (y) for the example and (y, steps.0, steps.1")
    with pytest.raises(CaptureError, match=message):
        edgekit.export(made(InADict), ["3x24"], output=tmp_path / "m.ptl")


class Chosen(nn.Module):
    """As many rows as the data says; takes the sizes of the example alone."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        torch._assert(x.shape[0] == 3 and x.shape[1] == 4, "expected 3x4")
        return x[x[:, 0] > 0], torch.nonzero(x > 0.5), x * 2


def test_export_sizes_that_depend_on_the_data_are_null(tmp_path: Path) -> None:
    report = edgekit.export(Chosen().eval(), ["3x4"], output=tmp_path / "m.ptl", server=False)
    method = report.manifest.methods[0]
    assert method.inputs[0].shape == (3, 4)
    assert [output.shape for output in method.outputs] == [(None, 4), (None, 2), (3, 4)]
    loaded = edgekit.load(report.package)
    for count in range(4):
        x = np.full((3, 4), -1.0, np.float32)
        x[:count] = 1.0
        found = loaded.run([x])
        assert (found["0"].shape, found["1"].shape) == ((count, 4), (4 * count, 2))


def test_export_outputs_that_some_cases_lack_prove_no_size(tmp_path: Path) -> None:
    report = edgekit.export(made(Keys), ["3x24"], output=tmp_path / "m.ptl", server=False)
    assert {output.name: output.shape for output in report.manifest.methods[0].outputs}["more"] == (None, None)
