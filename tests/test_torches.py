"""The oldest, the pinned and the newest torch, each in its own environment: edgekit installs there, its packages are those of
this torch, and they pass on the runner that `edgekit build-runner` builds there."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
from torch import nn

from edgekit.format.archive import Archive
from edgekit.runtimes.lite import LiteModule, golden_cases, replay
from edgekit.runtimes.registry import TARGETS

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.slow
CONSTRAINTS = ROOT / ".github" / "constraints"
TORCHES = {  # the variable that names a Python with it, and pip's options for a new environment
    "oldest": ("EDGEKIT_OLDEST", ["--constraint", CONSTRAINTS / "oldest.txt"]),
    "pinned": ("EDGEKIT_PINNED", ["--constraint", CONSTRAINTS / "pinned.txt"]),
    "newest": ("EDGEKIT_NEWEST", []),
}
MODELS = {
    "resnet18": ["resnet18", "--weights", "random"],
    "dynamic": [f"{ROOT / 'tests' / 'models.py'}:DynamicModel", "--input", "2x4"],
    "lstm": ["net.py:lstm", "--input", "1x5x8"],
    "encoder": ["net.py:encoder", "--input", "1x5x32"],
    "positional": ["net.py:positional", "--input", "1x5x32"],
    "checkpoint": ["net.py:small", "--input", "1x3x16x16", "--checkpoint", "weights.pt"],
}
OWN_CODE = ("encoder", "positional")  # torch's layers, for which the newest torch has other code
RUNTIMES = ("lite", "native", "android")
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

class Positional(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = encoder()
        self.positions = nn.Parameter(torch.randn(16, 32))

    def forward(self, *inputs):
        (x,) = inputs
        return self.encoder(x + self.positions[: x.size(1)])

def positional():
    torch.manual_seed(0)
    return Positional()

def small():
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 14 * 14, 4))
"""


@dataclass(frozen=True, kw_only=True)
class OtherTorch:
    """A Python with another torch, and the packages that were exported there and here."""

    name: str
    python: Path
    folder: Path
    exported: dict[str, tuple[Path, Path, str]] = field(default_factory=dict)
    runner: dict[str, str] = field(default_factory=dict)  # the variable that names it

    def edgekit(self, *arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
        """Runs edgekit's command line there, with this Python as the workshop and an empty cache."""
        return self._run(self.python, *arguments, **variables)

    def with_runner(self) -> dict[str, str]:
        """The variable that names the runner of `edgekit build-runner`, which is built on first use."""
        if not self.runner:
            done = self.edgekit("build-runner")
            assert done.returncode == 0, done.stderr
            assert ("is linked to the torch of the workshop" in done.stderr) == (self.name == "newest")
            program = done.stdout.strip()
            assert Path(program).is_relative_to(self.folder)
            self.runner["EDGEKIT_RUNNER"] = program
        return self.runner

    def packages(self, name: str) -> tuple[Path, Path, str]:
        """The package that was made there, the one that was made here, and what the export there said."""
        if name not in self.exported:
            there, here = (self.folder / place / f"{name}.ptl" for place in ("there", "here"))
            done = self.edgekit("export", *MODELS[name], "-o", there)
            assert done.returncode == 0, done.stderr
            again = self._run(Path(sys.executable), "export", *MODELS[name], "-o", here)
            assert again.returncode == 0, again.stderr
            self.exported[name] = there, here, done.stderr
        return self.exported[name]

    def _run(self, python: Path, *arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "EDGEKIT_WORKSHOP": sys.executable,
            "XDG_CACHE_HOME": str(self.folder / "cache"),
        }
        command = [str(python), "-m", "edgekit", *map(str, arguments)]
        return subprocess.run(command, cwd=self.folder, env=environment | variables, capture_output=True, text=True)


@pytest.fixture(scope="module", params=TORCHES)
def other(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OtherTorch]:
    """The Python that the variable names, or that of a new environment, which is removed at the end: it takes several GB."""
    variable, options = TORCHES[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "net.py").write_text(NET)
    torch.manual_seed(1)
    small = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 14 * 14, 4))
    torch.save(small.state_dict(), folder / "weights.pt")
    if named := os.environ.get(variable):
        yield OtherTorch(name=request.param, python=Path(named), folder=folder)
        return
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    python = folder / "venv" / "bin" / "python"
    install = [python, "-m", "pip", "install", "--quiet", *options]
    environment = os.environ | {"PIP_CONSTRAINT": ""}
    if index := os.environ.get("TORCH_INDEX"):
        subprocess.run([*install, "--index-url", index, "torch", "torchvision"], check=True, env=environment)
    subprocess.run([*install, ROOT], check=True, env=environment)
    yield OtherTorch(name=request.param, python=python, folder=folder)
    shutil.rmtree(folder / "venv")


@pytest.mark.parametrize("name", MODELS)
def test_package_of_another_torch_is_that_of_this_one(name: str, other: OtherTorch) -> None:
    there, here, messages = other.packages(name)
    assert ("has no XNNPACK" in messages) == (other.name == "newest")
    with Archive(there) as a, Archive(here) as b:
        assert a.manifest is not None
        assert b.manifest is not None
        assert a.manifest.fits == b.manifest.fits
        if other.name != "newest" or name not in OWN_CODE:
            assert a.manifest.operators == b.manifest.operators
        assert a.manifest.methods == b.manifest.methods
        assert a.manifest.provenance.weights == b.manifest.provenance.weights
        cases, manifest = golden_cases(b)
        module = LiteModule(there)
        found = [
            each for case in cases for each in replay(module, case, manifest.method(case.method), manifest.tolerance)
        ]
        assert found
        assert all(comparison.passed for comparison in found)
        versions = a.manifest.provenance.versions
        assert (versions.torch == b.manifest.provenance.versions.torch) == (other.name == "pinned")
        finished = b.manifest.provenance.versions.finished_with if other.name == "newest" else versions.torch
        assert versions.finished_with == finished


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("name", MODELS)
def test_package_of_another_torch_passes_on(runtime: str, name: str, other: OtherTorch) -> None:
    variables: dict[str, str] = {}
    if runtime == "native":
        variables = other.with_runner()
    elif why := TARGETS[runtime].create().missing():
        pytest.skip(why)
    done = other.edgekit("verify", other.packages(name)[0], "--runtime", runtime, "--json", **variables)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["results"]
    assert {row["runtime"] for row in rows} == {runtime}
    assert all(row["passed"] for row in rows)
