"""The runtime `native`, with the runner that `make runner` built."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from packages import rewrite, scale_largest_weight

from edgekit.errors import DeviceError, PackageError, UsageError
from edgekit.format.archive import Archive
from edgekit.runtimes.registry import TARGETS, resolve
from edgekit.runtimes.results import BenchRequest
from edgekit.runtimes.runner import RunnerRuntime
from edgekit.runtimes.verdict import verify

pytestmark = pytest.mark.native


@pytest.fixture
def native() -> RunnerRuntime:
    runtime = TARGETS["native"].create()
    assert isinstance(runtime, RunnerRuntime)
    if why := runtime.missing():
        pytest.skip(why)
    return runtime


def test_verify_native_passes_beside_lite(native: RunnerRuntime, tiny: Path) -> None:
    report = verify(tiny, ["lite", native])
    assert report.passed
    cases = [(result.case, result.comparison.output) for result in report.of("lite")]
    assert [(result.case, result.comparison.output) for result in report.of("native")] == cases


def test_verify_when_weights_changed_then_native_fails_like_lite(
    native: RunnerRuntime, tiny: Path, tmp_path: Path
) -> None:
    changed = rewrite(tiny, tmp_path / "x.ptl", scale_largest_weight, remake_digests=True)
    report = verify(changed, ["lite", native])
    for lite, runner in zip(report.of("lite"), report.of("native"), strict=True):
        assert lite.comparison.passed == runner.comparison.passed
        assert lite.comparison.reason == runner.comparison.reason
        assert lite.comparison.worst_index == runner.comparison.worst_index
        assert runner.comparison.norm_error == pytest.approx(lite.comparison.norm_error, rel=1e-2, abs=1e-6)
    assert not report.passed


def test_verify_command_line_shows_runtimes_side_by_side(native: RunnerRuntime, tiny: Path) -> None:
    assert native.name == "native"
    command = [sys.executable, "-m", "edgekit", "verify", str(tiny), "--runtime", "lite", "--runtime", "native"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "tiny on lite: pass" in done.stdout
    assert "tiny on native: pass" in done.stdout


def test_runner_when_it_fails_then_the_error_has_its_kind(native: RunnerRuntime, tiny: Path, tmp_path: Path) -> None:
    damaged = rewrite(tiny, tmp_path / "x.ptl", scale_largest_weight, remake_digests=False)
    with (
        Archive(damaged) as archive,
        pytest.raises(PackageError, match=r"runtime native: .*has changed since the export"),
    ):
        native.verify(archive)
    with pytest.raises(UsageError, match="no golden case for method 'backward'"):
        native.bench(tiny, BenchRequest(method="backward"))


@pytest.mark.parametrize("program", ["false", "true"])
def test_runner_when_it_is_another_program_then_device_error(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    monkeypatch.setenv("EDGEKIT_RUNNER", program)
    runtime = resolve("native")
    with Archive(tiny) as archive, pytest.raises(DeviceError, match="runtime native: exit code"):
        runtime.verify(archive)
    with pytest.raises(DeviceError):
        runtime.bench(tiny, BenchRequest())


def test_resolve_when_the_variable_names_no_program_then_device_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEKIT_RUNNER", "/no/such/runner")
    with pytest.raises(DeviceError, match="EDGEKIT_RUNNER names /no/such/runner"):
        resolve("native")
    monkeypatch.setenv("EDGEKIT_RUNNER", "env 'half")
    with pytest.raises(DeviceError, match="EDGEKIT_RUNNER is not a command line"):
        resolve("native")
    monkeypatch.setenv("EDGEKIT_RUNNER", "env -i cat")
    runtime = resolve("native")
    assert isinstance(runtime, RunnerRuntime)
    assert runtime.command("ops") == ["env", "-i", "cat", "ops", "--json"]


def test_resolve_when_not_built_then_the_target_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    row = TARGETS["aarch64"]
    monkeypatch.setitem(TARGETS, "aarch64", replace(row, arguments={**row.arguments, "path": "no/such/runner"}))
    with pytest.raises(DeviceError, match=r"not built\. Run make runner-aarch64"):
        resolve("aarch64")


def test_bench_when_the_runner_warns_then_it_is_passed_on(
    native: RunnerRuntime, tiny: Path, caplog: pytest.LogCaptureFixture
) -> None:
    native.bench(tiny, BenchRequest(iterations=1, min_seconds=0, threads=50))
    assert "runtime native: 50 threads on" in caplog.text


def test_bench_operator_times_are_typed(native: RunnerRuntime, tiny: Path) -> None:
    result = native.bench(tiny, BenchRequest(iterations=1, min_seconds=0, per_operator=True))
    assert "prepacked::conv2d_clamp_run" in {row.name for row in result.operators}
    assert sum(row.percent for row in result.operators) == pytest.approx(100)


def test_run_gives_what_the_lite_runtime_gives(native: RunnerRuntime, two_inputs: Path) -> None:
    arrays = [np.arange(6).reshape(1, 6), np.ones((1, 6), np.float32)]
    expected = resolve("lite").run(two_inputs, "forward", arrays)
    found = native.run(two_inputs, "forward", arrays)
    assert list(found) == list(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=1e-6)


def test_operators_are_those_that_packages_need(native: RunnerRuntime, tiny: Path) -> None:
    with Archive(tiny) as archive:
        assert set(archive.bytecode.operators) <= set(native.operators())
