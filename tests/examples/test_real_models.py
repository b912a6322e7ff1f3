"""The examples with real weights: their answers on real data are those of the originals, on every runtime of this machine.

`make test-exhaustive` installs the packages and the recording.
"""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

import edgekit
from edgekit.pipeline import export_source
from edgekit.proving import ExportRequest
from edgekit.runtimes.registry import find
from edgekit.sources.source import SourceRequest

EXAMPLES = Path(__file__).parents[2] / "examples"
RECORDINGS = Path("/usr/share/sounds/alsa")  # of Debian's alsa-utils

pytestmark = pytest.mark.slow


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / name / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def verified_everywhere(package: Path) -> bool:
    names = [name for name in ("lite", "native", "android") if not find(name, "verify").create().missing()]
    assert names != ["lite"]
    return edgekit.verify(package, names).passed


def test_voice_has_the_probabilities_of_the_original(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("silero_vad", reason="make test-exhaustive installs it")
    voice = example("voice")
    counts = []
    for name in ("Front_Center", "Noise"):
        assert voice.main([str(RECORDINGS / f"{name}.wav"), "--folder", str(tmp_path)]) == 0
        counts.append(int(capsys.readouterr().out.partition("speech in ")[2].split()[0]))
    assert counts[0] > 20 > 2 >= counts[1]
    assert verified_everywhere(tmp_path / "voice.ptl")


def test_faces_are_those_of_the_original(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("facenet_pytorch", reason="make test-exhaustive installs it")
    pictures = pytest.importorskip("skimage.data", reason="make test-exhaustive installs it")
    faces = example("faces")
    folder = Path(pictures.__file__).parent
    assert faces.main([str(folder / "astronaut.png"), str(folder / "coffee.png"), "--folder", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "astronaut.png: 1 faces" in printed
    assert "coffee.png: 0 faces" in printed
    assert all(verified_everywhere(tmp_path / f"{name}.ptl") for name in faces.NETWORKS)


def test_efficientnet_lite0_is_verified_everywhere(tmp_path: Path) -> None:
    options = ExportRequest(output=tmp_path / "m.ptl", server=False)
    assert verified_everywhere(export_source("efficientnet_lite0", SourceRequest(), options).package)
