"""Files without a manifest whose methods take more than tensors: libtorch itself would end the process."""

from pathlib import Path

import pytest
from signatures import WRONG_CALLS, save_signature

from .conftest import Run

USAGE = 2


@pytest.mark.parametrize(("name", "count", "text", "remedy"), WRONG_CALLS)
def test_run_when_method_takes_other_values_then_usage(
    run: Run, tmp_path: Path, name: str, count: int, text: str, remedy: str
) -> None:
    done = run("run", save_signature(name, tmp_path), *["--input", "3"] * count)
    assert done.code == USAGE, done.err
    assert text in done.err
    assert remedy in done.err


def test_run_leaves_out_a_parameter_with_a_default(run: Run, tmp_path: Path) -> None:
    assert run("run", save_signature("doubled", tmp_path), "--input", "3").code == 0
