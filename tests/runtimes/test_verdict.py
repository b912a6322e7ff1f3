"""The verdict on a package, including failures."""

from pathlib import Path

import numpy as np
import pytest
import torch
from packages import rewrite, scale_largest_weight

import edgekit
from edgekit.errors import PackageError, UsageError
from edgekit.runtimes.registry import resolve
from edgekit.runtimes.verdict import verify


def test_verify_good_package_passes_every_case(tiny: Path) -> None:
    report = verify(tiny)
    assert report.passed
    assert {r.case.partition(":")[0] for r in report.results} == {"forward", "predict"}


def test_verify_changed_weights_with_remade_digests_fail(tiny: Path, tmp_path: Path) -> None:
    report = verify(rewrite(tiny, tmp_path / "x.ptl", scale_largest_weight, remake_digests=True))
    assert not report.passed
    assert {r.comparison.reason for r in report.results if not r.comparison.passed} <= {"norm", "max", "exact"}


def test_verify_changed_weights_with_old_digests_are_refused(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="was changed"):
        verify(rewrite(tiny, tmp_path / "x.ptl", scale_largest_weight, remake_digests=False))


def test_verify_plain_package_says_what_is_missing(tmp_path: Path) -> None:
    torch.jit.script(torch.nn.Linear(3, 2).eval())._save_for_lite_interpreter(str(tmp_path / "plain.ptl"))
    with pytest.raises(PackageError, match="no edgekit manifest"):
        verify(tmp_path / "plain.ptl")


def test_verify_unknown_runtime_is_a_usage_error(tiny: Path) -> None:
    with pytest.raises(UsageError, match="expected one of lite"):
        verify(tiny, ["quantum"])


def test_verify_report_without_results_does_not_pass(tiny: Path) -> None:
    class Mute:
        name = "mute"

        def missing(self) -> str:
            return ""

        def verify(self, _: object) -> tuple[()]:
            return ()

    assert not verify(tiny, [Mute()]).passed


def test_lite_run_gives_what_a_loaded_package_gives(two_inputs: Path) -> None:
    arrays = [np.arange(6).reshape(1, 6), np.ones((1, 6), np.float32)]
    expected = edgekit.load(two_inputs).run(arrays)
    found = resolve("lite", "run").run(two_inputs, "forward", arrays)
    assert list(found) == list(expected)
    assert all(np.array_equal(found[name], value) for name, value in expected.items())
