"""The whole export in Python: parity, determinism, and no files left behind after an error."""

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import models
import numpy as np
import pytest
import torch
from torch import nn

import edgekit
from edgekit.errors import ParityError, UsageError
from edgekit.format.archive import Archive
from edgekit.format.axes import AxisRange
from edgekit.format.golden import GoldenCase
from edgekit.format.schema import Tolerance
from edgekit.optimize.recipes import RECIPES
from edgekit.packaging import draft
from edgekit.packaging.golden import golden_cases
from edgekit.parity.comparison import Reference

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("factory", "inputs", "mode"),
    [
        (models.conv_net, ["1x3x32x32"], "trace"),
        (models.DynamicModel, ["2x4"], "script"),
        (models.ScriptedHelper, ["2x4"], "trace"),
        (models.VariableLoop, ["5x8"], "script"),
        (models.ScriptedLoopLSTM, ["6x2x12"], "script"),
        (models.small_encoder, ["1x10x32"], "trace"),
        (models.Unscriptable, ["3x4"], "hybrid"),
        (models.TwoInputs, ["ids=1x7:int64[0,49]", "mask=1x7"], "trace"),
        (models.ZeroedBias, ["3x6"], "trace"),
        (models.NoInputs, [], "trace"),
    ],
)
def test_export_model_is_verified_within_the_gate(
    tmp_path: Path, factory: Callable[[], nn.Module], inputs: list[str], mode: str
) -> None:
    torch.manual_seed(0)
    report = edgekit.export(factory().eval(), inputs, output=tmp_path / "m.ptl")
    assert report.verdict.passed
    assert report.manifest.capture.mode == mode
    assert report.manifest.parity.norm_error <= 1e-5
    assert report.manifest.parity.cases == len({r.case for r in report.verdict.results})
    assert report.document.results.server.norm_error <= 1e-5
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.json", "m.pt", "m.ptl"]


def test_export_twice_in_one_process_gives_the_same_bytes(tmp_path: Path) -> None:
    files = []
    for name in ("a", "b"):
        torch.manual_seed(0)
        edgekit.export(models.conv_net().eval(), ["1x3x32x32"], name="net", output=tmp_path / name / "net.ptl")
        files.append((tmp_path / name / "net.ptl").read_bytes())
    assert files[0] == files[1]


def test_export_from_two_folders_gives_the_same_bytes_and_no_paths(tmp_path: Path) -> None:
    outputs = []
    for name in ("first", "second/deeper"):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        (folder / "net.py").write_bytes((ROOT / "tests" / "models.py").read_bytes())
        command = [sys.executable, "-m", "edgekit", "export", "net.py:DynamicModel", "--input", "2x4", "-o", "net.ptl"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
        outputs.append((folder / "net.ptl").read_bytes())
    assert outputs[0] == outputs[1]
    for path in (tmp_path, ROOT, Path.home(), Path(torch.__file__).parents[1]):
        assert str(path).encode() not in outputs[0]
    with zipfile.ZipFile(tmp_path / "first" / "net.pt") as file:
        assert not any(name.endswith(".debug_pkl") for name in file.namelist())


def test_export_weights_are_in_the_file_once(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 200), nn.ReLU(), nn.Linear(200, 5)).eval()
    image = edgekit.ImageSpec(resize=32, crop=32, mean=(0.5,) * 3, std=(0.5,) * 3)
    report = edgekit.export(model, ["1x3x32x32"], output=tmp_path / "m.ptl", image=image)
    weights = 4 * sum(p.numel() for p in model.parameters())
    assert [m.name for m in report.manifest.methods] == ["forward", "predict"]
    assert weights < report.package.stat().st_size < 1.2 * weights


def test_export_free_axes_have_ranges_in_the_manifest_and_others_are_fixed(tmp_path: Path) -> None:
    torch.manual_seed(0)
    manifest = edgekit.export(models.conv_net().eval(), ["1x3x32x32"], output=tmp_path / "m.ptl").manifest
    batch, sizes = AxisRange(min=1, max=4), AxisRange(min=7, max=128)
    assert manifest.methods[0].inputs[0].shape == (batch, 3, sizes, sizes)
    assert manifest.methods[0].outputs[0].shape == (None, 5)


def test_export_golden_outputs_are_the_eager_models(tmp_path: Path) -> None:
    from edgekit.format.generator import generate

    torch.manual_seed(0)
    model = models.conv_net().eval()
    report = edgekit.export(model, ["1x3x32x32"], output=tmp_path / "m.ptl")
    with Archive(report.package) as archive:
        assert archive.golden is not None
        assert len(archive.golden.cases) >= 5
        for case in archive.golden.cases:
            with torch.no_grad():
                expected = model(torch.from_numpy(generate(case.inputs[0]))).numpy()
            values = np.array(case.outputs[0].values, dtype=np.float32).reshape(case.outputs[0].shape)
            assert np.array_equal(values, expected)


def test_export_looser_tolerance_is_recorded(tmp_path: Path) -> None:
    loose = Tolerance(norm=1e-3, max=1e-3)
    report = edgekit.export(models.conv_net().eval(), ["1x3x32x32"], output=tmp_path / "m.ptl", tolerance=loose)
    assert report.manifest.tolerance.loosened
    default = edgekit.export(models.conv_net().eval(), ["1x3x32x32"], output=tmp_path / "n.ptl")
    assert not default.manifest.tolerance.loosened


def test_export_saved_file_that_disagrees_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The golden cases expect other answers than the saved file gives."""

    def shifted(references: Sequence[Reference], tolerance: Tolerance, *_: object) -> tuple[GoldenCase, ...]:
        first = references[0]
        moved = {name: value + np.float32(0.01) for name, value in first.outputs.items()}
        return golden_cases([replace(first, outputs=moved)], tolerance)

    monkeypatch.setattr(draft, "golden_cases", shifted)
    with pytest.raises(ParityError, match=r"disagrees with the eager model on case 'forward: seed 1', output 0: norm"):
        edgekit.export(models.conv_net().eval(), ["1x3x32x32"], output=tmp_path / "m.ptl")
    assert list(tmp_path.iterdir()) == []


def test_export_report_says_what_was_made(tmp_path: Path) -> None:
    report = edgekit.export(models.conv_net().eval(), ["1x3x32x32"], output=tmp_path / "m.ptl")
    document = json.loads(report.report.read_text())
    assert document["results"]["package_bytes"] == report.package.stat().st_size
    assert document["results"]["server"]["size_bytes"] == report.server.stat().st_size
    names = [step["name"] for step in document["results"]["recipe"]["passes"]]
    assert names == list(RECIPES["mobile"].passes)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"mode": "compile"}, "unknown capture mode 'compile'; expected one of auto"),
        ({"recipe": "fast"}, "unknown recipe 'fast'"),
        ({"output": "m.bin"}, r"ends in \.ptl"),
        ({"example_inputs": [3]}, "is an int"),
        ({"example_inputs": 3}, "is an int"),
        ({"methods": {"classifier": 3}}, "is an int"),
    ],
)
def test_export_unusable_arguments_are_usage_errors(arguments: dict[str, object], match: str) -> None:
    given = {"example_inputs": ["1x3x32x32"], **arguments}
    with pytest.raises(UsageError, match=match):
        edgekit.export(models.conv_net().eval(), **given)
