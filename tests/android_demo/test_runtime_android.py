"""Packages through Android's own library; needs `make android-runtime`, and is skipped where that has not run."""

from pathlib import Path

import pytest
from packages import rewrite, scale_largest_weight

from edgekit.errors import DeviceError, PackageError, UsageError
from edgekit.format.archive import Archive
from edgekit.runtimes import android
from edgekit.runtimes.verdict import verify

built = pytest.mark.skipif(not android.AndroidRuntime().built(), reason="make android-runtime has not run here")


@built
def test_verify_tiny_classifier_on_android_passes(tiny: Path) -> None:
    report = verify(tiny, ["lite", "android"])
    assert report.passed
    assert [r.case for r in report.of("android")] == [r.case for r in report.of("lite")]
    assert [r.comparison.output for r in report.of("android")] == [r.comparison.output for r in report.of("lite")]


@pytest.mark.slow
@pytest.mark.skipif(
    not android.AndroidRuntime(arm64=True).built(), reason="make android-runtime-arm64 has not run here"
)
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
def test_selftest_changed_record_is_refused_by_android_too(tiny: Path, tmp_path: Path) -> None:
    path = rewrite(tiny, tmp_path / "x.ptl", scale_largest_weight, remake_digests=False)
    with Archive(path) as archive, pytest.raises(PackageError, match=r"runtime android: .*sha256"):
        android.AndroidRuntime().selftest(archive)


def test_selftest_without_the_build_says_how_to_make_it(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(android, "_LIBRARIES", tmp_path / "gone")
    with Archive(tiny) as archive, pytest.raises(DeviceError, match="make android-runtime"):
        android.AndroidRuntime().selftest(archive)


def test_selftest_of_a_process_that_dies_names_the_runtime(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = android.AndroidRuntime()
    monkeypatch.setattr(android.AndroidRuntime, "built", lambda _: True)
    monkeypatch.setattr(runtime, "_java", ["false"])
    with Archive(tiny) as archive, pytest.raises(DeviceError, match="runtime android: exit code 1"):
        runtime.selftest(archive)


def test_selftest_of_a_process_that_is_killed_names_the_signal(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "java"
    script.write_text("#!/bin/sh\necho a warning >&2\nkill -ABRT $$\n")
    script.chmod(0o755)
    runtime = android.AndroidRuntime()
    monkeypatch.setattr(android.AndroidRuntime, "built", lambda _: True)
    monkeypatch.setattr(runtime, "_java", [str(script)])
    with (
        Archive(tiny) as archive,
        pytest.raises(DeviceError, match="runtime android: the process was ended by SIGABRT"),
    ):
        runtime.selftest(archive)


@built
def test_classify_of_what_is_not_a_picture_names_the_file(tiny: Path, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    photo.write_bytes(b"text")
    with pytest.raises(UsageError, match=r"runtime android: .*photo\.png is not a picture that Java decodes"):
        android.AndroidRuntime().classify(tiny, [photo], 5)


@built
def test_selftest_without_enough_memory_ends_with_a_reason(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-XX:MaxDirectMemorySize=1k")
    with Archive(tiny) as archive, pytest.raises(DeviceError, match="runtime android: the memory of this machine"):
        android.AndroidRuntime().selftest(archive)


@built
def test_selftest_without_a_compiler_says_what_it_needs(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = android.AndroidRuntime()
    monkeypatch.setattr(runtime, "_cache", tmp_path / "host")
    monkeypatch.setattr(android, "_HOST_CACHE", tmp_path / "host")
    monkeypatch.setenv("CC", str(tmp_path / "gone"))
    with Archive(tiny) as archive, pytest.raises(DeviceError, match=r"runtime android: .*needs a C compiler"):
        runtime.selftest(archive)


@built
def test_selftest_with_a_cache_of_another_version_makes_it_again(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "host"
    cache.mkdir()
    (cache / "key").write_text("of another library")
    (cache / "libbionic_shim.so").write_bytes(b"too old to load")
    runtime = android.AndroidRuntime()
    monkeypatch.setattr(runtime, "_cache", cache)
    monkeypatch.setattr(android, "_HOST_CACHE", cache)
    for _ in range(2):
        with Archive(tiny) as archive:
            assert all(row.comparison.passed for row in runtime.selftest(archive))
    assert (cache / "key").read_text() != "of another library"
