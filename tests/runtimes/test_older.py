"""Older lite interpreters: errors of their environments, the replay in a process, and (slow) the real environments."""

import shutil
import subprocess
import sys
from pathlib import Path

import models
import numpy as np
import pytest
import torch
from packages import edit_golden, rewrite, scale_largest_weight

import edgekit
from edgekit.errors import DeviceError, PackageError
from edgekit.format.archive import Archive
from edgekit.runtimes import environments
from edgekit.runtimes.older import environment
from edgekit.runtimes.registry import TARGETS, resolve
from edgekit.runtimes.verdict import verify

VERSIONS = [row.arguments["version"] for row in TARGETS.values() if "version" in row.arguments]
needs_wheels = pytest.mark.skipif(
    sys.version_info[:2] > (3, 11) and shutil.which("python3.11") is None, reason="no wheels for this Python"
)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder for the user."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def this_python(cache: Path) -> Path:
    """Uses the Python and torch of this process instead of an older environment."""
    python = environment(VERSIONS[0]).folder / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    assert python.is_relative_to(cache)
    return python


def test_missing_python_too_new_names_the_remedy(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments.sys, "version_info", (3, 13, 0))
    monkeypatch.setattr(environments.shutil, "which", lambda _name: None)
    with pytest.raises(DeviceError, match=r"no wheel for Python 3\.13.*python3\.11"):
        resolve("torch-1.13.1")
    assert not cache.exists()


def test_environment_python_too_new_names_the_remedy(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments.sys, "version_info", (3, 13, 0))
    monkeypatch.setattr(environments.shutil, "which", lambda _name: None)
    with pytest.raises(DeviceError, match=r"no wheel for Python 3\.13.*python3\.11"):
        environment("1.13.1").python()
    assert not cache.exists()


def test_environment_pip_fails_leaves_nothing_and_says_why(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments, "base_python", lambda _newest: sys.executable)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    with pytest.raises(DeviceError, match=r"No matching distribution.*needs pip, a package index") as caught:
        environment("1.13.1").python()
    assert caught.value.exit_code == 4
    assert [path.name for path in (cache / "edgekit" / "runtimes").iterdir()] == ["torch-1.13.1.lock"]


def test_environment_folder_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(environments, "base_python", lambda _newest: sys.executable)
    with pytest.raises(DeviceError, match="cannot be made"):
        environment("1.13.1").python()


@pytest.mark.usefixtures("this_python")
def test_verify_replays_every_case_and_structure(tiny: Path, two_inputs: Path) -> None:
    for package in (tiny, two_inputs):
        here, there = verify(package).results, verify(package, [f"torch-{VERSIONS[0]}"]).results
        assert [(r.case, r.comparison) for r in there] == [(r.case, r.comparison) for r in here]


@pytest.mark.usefixtures("this_python")
def test_verify_altered_weights_fail(tiny: Path, tmp_path: Path) -> None:
    changed = rewrite(tiny, tmp_path / "changed.ptl", scale_largest_weight, remake_digests=True)
    report = verify(changed, [f"torch-{VERSIONS[0]}"])
    assert not report.passed
    assert report.results[0].comparison.reason == "norm"


@pytest.mark.usefixtures("this_python")
def test_verify_package_that_does_not_load_says_why(tiny: Path, tmp_path: Path) -> None:
    def unknown(records: dict[str, bytes]) -> None:
        records["bytecode.pkl"] = records["bytecode.pkl"].replace(b"aten::softmax", b"made::softmax")

    changed = rewrite(tiny, tmp_path / "changed.ptl", unknown, remake_digests=True)
    with pytest.raises(PackageError, match=r"(?s)does not load in torch 1\.13\.1.*made::softmax.*edgekit compat"):
        verify(changed, [f"torch-{VERSIONS[0]}"])


@pytest.mark.usefixtures("this_python")
def test_verify_case_that_raises_is_a_verdict(two_inputs: Path, tmp_path: Path) -> None:
    def beyond(found: dict[str, object]) -> None:  # an embedding has no such rows
        cases = found["cases"]
        assert isinstance(cases, list)
        cases[0]["inputs"][0].update(low=10**6, high=10**6)

    changed = rewrite(two_inputs, tmp_path / "changed.ptl", edit_golden(beyond), remake_digests=True)
    first, *others = verify(changed, [f"torch-{VERSIONS[0]}"]).results
    assert first.comparison.reason == "error"
    assert all(result.comparison.passed for result in others)


@pytest.mark.usefixtures("this_python")
def test_run_gives_what_the_lite_runtime_gives(two_inputs: Path) -> None:
    arrays = [np.arange(6).reshape(1, 6), np.ones((1, 6), np.float32)]
    here = resolve("lite", "run").run(two_inputs, "forward", arrays)
    there = resolve(f"torch-{VERSIONS[0]}", "run").run(two_inputs, "forward", arrays)
    assert list(here) == list(there)
    assert all(np.array_equal(here[name], there[name]) for name in here)


def test_verify_process_without_answers_is_a_device_error(this_python: Path, tiny: Path) -> None:
    this_python.write_text("#!/bin/sh\nexit 0\n")
    with pytest.raises(DeviceError, match=r"its answers cannot be read"):
        verify(tiny, [f"torch-{VERSIONS[0]}"])


def test_verify_process_that_dies_is_a_device_error(this_python: Path, tiny: Path) -> None:
    this_python.write_text("#!/bin/sh\necho 'no torch here.' >&2\nexit 1\n")
    with pytest.raises(DeviceError, match=r"ended with 1: no torch here\. If .*remove .*torch-1\.13\.1"):
        verify(tiny, [f"torch-{VERSIONS[0]}"])


@pytest.mark.slow
@needs_wheels
@pytest.mark.parametrize("version", VERSIONS)
def test_verify_older_torch_gives_the_eager_answers(tiny: Path, tmp_path: Path, version: str) -> None:
    asked = [str(environment(version).python()), "-W", "ignore", "-c", "import torch; print(torch.__version__)"]
    output = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    assert output.strip().partition("+")[0] == version
    torch.manual_seed(0)
    encoder = models.small_encoder().eval()
    fitted = edgekit.export(encoder, ["1x10x32"], output=tmp_path / "android.ptl").package
    for package in (tiny, fitted):
        assert verify(package, [f"torch-{version}"]).passed


@pytest.mark.slow
@needs_wheels
def test_verify_older_torch_refuses_what_its_table_lacks(tmp_path: Path) -> None:
    torch.manual_seed(0)
    encoder = models.small_encoder().eval()
    fused = edgekit.export(encoder, ["1x10x32"], output=tmp_path / "current.ptl", fit="current").package
    with Archive(fused) as archive:
        assert archive.manifest is not None
        assert archive.manifest.fits == ("torch-2.1.0", "torch-2.12.1")
    assert verify(fused, ["torch-2.1.0"]).passed
    with pytest.raises(PackageError, match="scaled_dot_product_attention"):
        verify(fused, ["torch-1.13.1"])
