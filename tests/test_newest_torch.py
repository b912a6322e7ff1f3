"""The newest torch that resolves, in its own environment: edgekit installs there, and its packages are those of this torch."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import edgekit
from edgekit.format.archive import Archive
from edgekit.runtimes.lite import LiteModule, golden_cases, replay

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.slow
MODELS = {
    "resnet18": ["resnet18", "--weights", "random"],
    "lstm": ["net.py:lstm", "--input", "1x5x8"],
    "encoder": ["net.py:encoder", "--input", "1x5x32"],
}
NET = """
import torch
from torch import nn

def lstm():
    torch.manual_seed(0)
    return nn.LSTM(8, 16, batch_first=True)

def encoder():
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True)
    return nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
"""


@pytest.fixture(scope="module")
def newest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with the newest torch: the one that EDGEKIT_NEWEST names, or that of a new environment."""
    if named := os.environ.get("EDGEKIT_NEWEST"):
        return Path(named)
    folder = tmp_path_factory.mktemp("newest") / "venv"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", ROOT], check=True)
    return python


def edgekit_there(python: Path, folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Runs edgekit's command line there, with this Python as the workshop."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "EDGEKIT_WORKSHOP": sys.executable}
    command = [str(python), "-m", "edgekit", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("name", MODELS)
def test_package_of_the_newest_torch_is_that_of_this_one(name: str, newest: Path, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(NET)
    there, here = tmp_path / "there.ptl", tmp_path / "here.ptl"
    done = edgekit_there(newest, tmp_path, "export", *MODELS[name], "-o", there)
    assert done.returncode == 0, done.stderr
    assert "has no XNNPACK" in done.stderr
    assert edgekit.verify(there).passed
    command = [sys.executable, "-m", "edgekit", "export", *MODELS[name], "-o", str(here)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
    with Archive(there) as a, Archive(here) as b:
        assert a.manifest is not None
        assert b.manifest is not None
        assert a.manifest.fits == b.manifest.fits
        if name != "encoder":  # the newest torch has another code for its own layer
            assert a.manifest.operators == b.manifest.operators
        assert a.manifest.methods == b.manifest.methods
        cases, manifest = golden_cases(b)
        module = LiteModule(there)
        found = [
            each for case in cases for each in replay(module, case, manifest.method(case.method), manifest.tolerance)
        ]
        assert found
        assert all(comparison.passed for comparison in found)
        versions = a.manifest.provenance.versions
        assert versions.finished_with == b.manifest.provenance.versions.torch != versions.torch
    listed = edgekit_there(newest, tmp_path, "verify", there, "--json")
    assert listed.returncode == 0, listed.stderr
    assert all(row["passed"] for row in json.loads(listed.stdout)["results"])
