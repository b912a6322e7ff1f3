"""Packages in Android's library. These tests need `make android-runtime`, and are skipped if it has not run."""

from pathlib import Path

import numpy as np
import pytest
from packages import rewrite, scale_largest_weight

from edgekit.errors import DeviceError, PackageError
from edgekit.format.archive import Archive
from edgekit.runtimes import android
from edgekit.runtimes.android import AndroidRuntime
from edgekit.runtimes.registry import resolve
from edgekit.runtimes.verdict import verify

built = pytest.mark.skipif(bool(AndroidRuntime().missing()), reason="make android-runtime has not run here")


@built
def test_verify_tiny_classifier_on_android_passes(tiny: Path) -> None:
    report = verify(tiny, ["lite", "android"])
    assert report.passed
    assert [r.case for r in report.of("android")] == [r.case for r in report.of("lite")]
    assert [r.comparison.output for r in report.of("android")] == [r.comparison.output for r in report.of("lite")]


@pytest.mark.slow
@pytest.mark.skipif(bool(AndroidRuntime(arm64=True).missing()), reason="make android-runtime-arm64 has not run here")
def test_verify_tiny_classifier_on_the_phones_library_passes(tiny: Path) -> None:
    assert verify(tiny, ["android-arm64"]).passed


@built
def test_verify_named_inputs_and_dict_outputs_on_android_pass(two_inputs: Path) -> None:
    assert verify(two_inputs, ["android"]).passed


@built
def test_verify_altered_weights_on_android_fail_as_in_python(tiny: Path, tmp_path: Path) -> None:
    report = verify(rewrite(tiny, tmp_path / "x.ptl", scale_largest_weight, remake_digests=True), ["lite", "android"])
    verdicts = {name: [r.comparison.passed for r in report.of(name)] for name in ("lite", "android")}
    assert not all(verdicts["android"])
    assert verdicts["android"] == verdicts["lite"]


@built
def test_verify_changed_record_is_refused_by_android_too(tiny: Path, tmp_path: Path) -> None:
    path = rewrite(tiny, tmp_path / "x.ptl", scale_largest_weight, remake_digests=False)
    with Archive(path) as archive, pytest.raises(PackageError, match=r"runtime android: .*sha256"):
        AndroidRuntime().verify(archive)


def test_verify_without_the_build_says_how_to_make_it(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(android, "_LIBRARIES", tmp_path / "gone")
    with Archive(tiny) as archive, pytest.raises(DeviceError, match="make android-runtime"):
        AndroidRuntime().verify(archive)


def test_verify_of_a_process_that_dies_names_the_runtime(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = AndroidRuntime(java="false")
    monkeypatch.setattr(AndroidRuntime, "missing", lambda _: "")
    with Archive(tiny) as archive, pytest.raises(DeviceError, match="runtime android: exit code 1"):
        runtime.verify(archive)


def test_verify_of_a_process_that_is_killed_names_the_signal(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "java"
    script.write_text("#!/bin/sh\necho a warning >&2\nkill -ABRT $$\n")
    script.chmod(0o755)
    runtime = AndroidRuntime(java=str(script))
    monkeypatch.setattr(AndroidRuntime, "missing", lambda _: "")
    with (
        Archive(tiny) as archive,
        pytest.raises(DeviceError, match="runtime android: the process was ended by SIGABRT"),
    ):
        runtime.verify(archive)


@built
def test_run_on_android_gives_what_python_gives(two_inputs: Path) -> None:
    arrays = [np.arange(6).reshape(1, 6), np.ones((1, 6), np.float32)]
    expected = resolve("lite").run(two_inputs, "forward", arrays)
    found = resolve("android").run(two_inputs, "forward", arrays)
    assert list(found) == list(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=1e-6)


@built
def test_verify_without_enough_memory_ends_with_a_reason(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-XX:MaxDirectMemorySize=1k")
    with Archive(tiny) as archive, pytest.raises(DeviceError, match="runtime android: the memory of this machine"):
        AndroidRuntime().verify(archive)


@built
def test_verify_without_a_compiler_says_what_it_needs(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = AndroidRuntime()
    monkeypatch.setattr(runtime, "_cache", tmp_path / "host")
    monkeypatch.setenv("CC", str(tmp_path / "gone"))
    with Archive(tiny) as archive, pytest.raises(DeviceError, match=r"runtime android: .*needs a C compiler"):
        runtime.verify(archive)


@built
def test_verify_with_a_cache_of_another_version_makes_it_again(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "host"
    cache.mkdir()
    (cache / "key").write_text("of another library")
    (cache / "libbionic_shim.so").write_bytes(b"too old to load")
    runtime = AndroidRuntime()
    monkeypatch.setattr(runtime, "_cache", cache)
    for _ in range(2):
        with Archive(tiny) as archive:
            assert all(row.comparison.passed for row in runtime.verify(archive))
    assert (cache / "key").read_text() != "of another library"
