"""The runner behind the Runtime protocol, with the runner that `make runner` built."""

import subprocess
import sys
from pathlib import Path

import pytest
from packages import rewrite, scale_largest_weight

from edgekit.errors import DeviceError, PackageError, UsageError
from edgekit.format.archive import Archive
from edgekit.runtimes.registry import resolve
from edgekit.runtimes.runner import RunnerRuntime, find_runner
from edgekit.runtimes.verdict import verify


@pytest.fixture
def native() -> RunnerRuntime:
    try:
        return RunnerRuntime("native", find_runner("native"))
    except DeviceError as error:
        pytest.skip(str(error))


def test_verify_native_passes_beside_lite(native: RunnerRuntime, tiny: Path) -> None:
    report = verify(tiny, ["lite", native])
    assert report.passed
    cases = [(result.case, result.comparison.output) for result in report.of("lite")]
    assert [(result.case, result.comparison.output) for result in report.of("native")] == cases


def test_verify_whenWeightsChanged_thenNativeFailsLikeLite(native: RunnerRuntime, tiny: Path, tmp_path: Path) -> None:
    changed = rewrite(tiny, tmp_path / "x.ptl", scale_largest_weight, remake_digests=True)
    report = verify(changed, ["lite", native])
    for lite, runner in zip(report.of("lite"), report.of("native"), strict=True):
        assert lite.comparison.passed == runner.comparison.passed
        assert lite.comparison.reason == runner.comparison.reason
        assert lite.comparison.worst_index == runner.comparison.worst_index
        assert runner.comparison.norm_error == pytest.approx(lite.comparison.norm_error, rel=1e-2, abs=1e-6)
    assert not report.passed


def test_verify_commandLine_shows_runtimes_side_by_side(native: RunnerRuntime, tiny: Path) -> None:
    assert native.name == "native"
    command = [sys.executable, "-m", "edgekit", "verify", str(tiny), "--runtime", "lite", "--runtime", "native"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "tiny on lite: pass" in done.stdout
    assert "tiny on native: pass" in done.stdout


def test_runner_whenItFails_thenTheErrorHasItsKind(native: RunnerRuntime, tiny: Path, tmp_path: Path) -> None:
    damaged = rewrite(tiny, tmp_path / "x.ptl", scale_largest_weight, remake_digests=False)
    with Archive(damaged) as archive, pytest.raises(PackageError, match="has changed since the export"):
        native.selftest(archive)
    with pytest.raises(UsageError, match="no method"):
        native.bench(tiny, ["--method", "backward", "--input", "1x3"])
    with Archive(tiny) as archive, pytest.raises(DeviceError, match="does not start"):
        RunnerRuntime("native", ["/dev/null/runner"]).selftest(archive)


@pytest.mark.parametrize("program", ["false", "true"])
def test_runner_whenItIsAnotherProgram_thenDeviceError(tiny: Path, program: str) -> None:
    with Archive(tiny) as archive, pytest.raises(DeviceError, match=r"edgekit-runner|ended with 1"):
        RunnerRuntime("native", [program]).selftest(archive)
    with pytest.raises(DeviceError):
        RunnerRuntime("native", [program]).bench(tiny)


def test_find_whenTheVariableNamesNoProgram_thenItIsSaid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEKIT_RUNNER", "/no/such/runner")
    with pytest.raises(DeviceError, match="EDGEKIT_RUNNER names /no/such/runner"):
        find_runner("native")
    monkeypatch.setenv("EDGEKIT_RUNNER", "env -i cat")
    assert find_runner("native") == ("env", "-i", "cat")


def test_bench_whenTheRunnerWarns_thenItIsPassedOn(
    native: RunnerRuntime, tiny: Path, caplog: pytest.LogCaptureFixture
) -> None:
    native.bench(tiny, ["--iterations", "1", "--min-seconds", "0", "--threads", "50"])
    assert "the native runner: 50 threads on" in caplog.text


def test_find_whenNotBuilt_thenTheTargetIsNamed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgekit.runtimes.runner._BUILT", {"aarch64": "no/such/runner"})
    with pytest.raises(DeviceError, match="make runner-aarch64"):
        resolve("aarch64")
