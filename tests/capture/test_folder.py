"""The cut as a folder: what is read back is what was written."""

import json
import zipfile
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import NoReturn

import models
import numpy as np
import pytest
import torch
from captures import captured
from torch import nn

from edgekit.capture import operators
from edgekit.capture.captured import CapturedModel
from edgekit.capture.folder import ARRAYS, FACTS, MODULE, read_captured, write_captured
from edgekit.errors import OptimizeError, PackageError
from edgekit.parity.comparison import Reference
from edgekit.parity.noise import Noise


def unasked(*_: object) -> NoReturn:
    raise AssertionError("nothing is missing")


def cut(factory: Callable[[], nn.Module], folder: Path, *inputs: str) -> tuple[CapturedModel, CapturedModel]:
    """A captured model, and what is read back from its folder."""
    folder.mkdir()
    made = captured(factory, *inputs)
    for reference in made.references[:2]:
        reference.noise()
    write_captured(made, folder)
    return made, read_captured(folder, unasked, unasked)


def same(a: Reference, b: Reference) -> bool:
    inputs = all(torch.equal(x, y) for x, y in zip(a.probe.inputs, b.probe.inputs, strict=True))
    outputs = all(np.array_equal(value, b.outputs[name], equal_nan=True) for name, value in a.outputs.items())
    facts = [
        (r.probe.name, r.probe.axes, r.probe.golden, r.probe.stress, r.structure, tuple(r.outputs)) for r in (a, b)
    ]
    return inputs and outputs and facts[0] == facts[1]


@pytest.mark.parametrize(
    ("factory", "inputs"),
    [(models.conv_net, ["1x3x32x32"]), (models.TwoInputs, ["1x6:int64[0,9]", "1x6"]), (models.Steps, ["1x3x96x96"])],
)
def test_folder_gives_back_what_was_captured(
    factory: Callable[[], nn.Module], inputs: list[str], tmp_path: Path
) -> None:
    made, read = cut(factory, tmp_path / "cut", *inputs)
    compared = ("references", "sizes", "module", "parameters", "pictures")
    for name in (each.name for each in fields(CapturedModel) if each.name not in compared):
        assert getattr(read, name) == getattr(made, name), name
    for name in ("references", "sizes"):
        assert all(same(a, b) for a, b in zip(getattr(made, name), getattr(read, name), strict=True))
    for a, b in zip(made.references[:2], read.references[:2], strict=True):
        assert a.measured is not None
        assert b.measured is not None
        assert a.measured.largest == b.measured.largest
        for name, noise in a.measured.outputs.items():
            assert np.array_equal(noise.undecided, b.measured.outputs[name].undecided)
    assert read.parameters.names == made.parameters.names
    assert read.parameters.shifts.keys() == made.parameters.shifts.keys()
    probe = made.references[0].probe
    answers = [model.module(*probe.inputs) for model in (made, read)]
    torch.testing.assert_close(answers[0], answers[1], rtol=0, atol=0)
    assert sorted(path.name for path in (tmp_path / "cut").iterdir()) == sorted((ARRAYS, FACTS, MODULE))


def test_folder_noise_that_was_not_measured_is_asked_for(tmp_path: Path) -> None:
    made = captured(models.conv_net, "1x3x32x32")
    write_captured(made, tmp_path)
    asked: list[str] = []

    def measuring(probe, _answer):
        asked.append(probe.name)
        return Noise(outputs={})

    read = read_captured(tmp_path, measuring, unasked)
    late = next(reference for reference in read.references if reference.measured is None)
    late.noise()
    late.noise()
    assert asked == [late.probe.name]


def test_folder_with_damaged_facts_is_refused(tmp_path: Path) -> None:
    write_captured(captured(models.DynamicModel, "2x4"), tmp_path)
    facts = json.loads((tmp_path / FACTS).read_text())
    (tmp_path / FACTS).write_text(json.dumps({**facts, "inputs": 3}))
    with pytest.raises(PackageError, match="not a valid document"):
        read_captured(tmp_path, unasked, unasked)


def rewritten(folder: Path, old: bytes, new: bytes) -> None:
    """Replaces a text in the code of the module."""
    with zipfile.ZipFile(folder / MODULE) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    assert any(old in data for data in records.values())
    with zipfile.ZipFile(folder / MODULE, "w") as archive:
        for name, data in records.items():
            archive.writestr(name, data.replace(old, new))


def test_folder_with_code_that_does_not_load_names_its_line(tmp_path: Path) -> None:
    write_captured(captured(models.DynamicModel, "2x4"), tmp_path)
    rewritten(tmp_path, b"torch.sum", b"torch.smu")
    with pytest.raises(OptimizeError, match=r"cannot load what .* Unknown builtin op: aten::smu .*torch\.smu\(x\)"):
        read_captured(tmp_path, unasked, unasked)


def test_folder_with_an_operator_that_this_torch_lacks_names_it_and_the_source_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_captured(captured(models.conv_net, "1x3x32x32"), tmp_path)
    monkeypatch.setattr(operators, "_schemas", lambda use: frozenset() if use.name == "aten::flatten" else {use.schema})
    (tmp_path / MODULE).write_bytes(b"")  # the operators are looked up first
    with pytest.raises(
        OptimizeError, match=r"conv_net: torch .* not have aten::flatten \(models\.py:\d+: .*\)\. Replace"
    ):
        read_captured(tmp_path, unasked, unasked)


def test_folder_with_an_operator_of_other_arguments_names_it_and_the_source_line(tmp_path: Path) -> None:
    write_captured(captured(models.DynamicModel, "2x4"), tmp_path)
    facts = json.loads((tmp_path / FACTS).read_text())
    known = next(use for use in facts["operators"] if use["schema"].startswith("aten::gt."))
    known["schema"] = known["schema"].replace("Scalar other", "Scalar other, Scalar more")
    (tmp_path / FACTS).write_text(json.dumps(facts))
    rewritten(tmp_path, b"torch.sum(x), 0)", b"torch.sum(x), 0, 0)")
    with pytest.raises(OptimizeError, match=r"other arguments for aten::gt \(models\.py:\d+: .*sum.*\)"):
        read_captured(tmp_path, unasked, unasked)
