"""The runner refuses the same attacks as Python, fast and before libtorch reads a byte."""

import time
from pathlib import Path

import pytest
from attacks.containers import ATTACKS, join, parts_of
from attacks.test_containers import SECONDS, records_of

from .conftest import Run


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize("verb", ["inspect", "verify"])
def test_container_attack_exits_3(run: Run, tiny: Path, tmp_path: Path, name: str, verb: str) -> None:
    package = tmp_path / "x.ptl"
    package.write_bytes(ATTACKS[name][1](parts_of(records_of(tiny))))
    start = time.monotonic()
    done = run(verb, package)
    assert time.monotonic() - start < SECONDS
    assert (done.code, done.out) == (3, "")
    assert "damaged" in done.err or "not a PyTorch model" in done.err


def test_container_rebuilt_without_an_attack_is_read(run: Run, tiny: Path, tmp_path: Path) -> None:
    package = tmp_path / "x.ptl"
    package.write_bytes(join(parts_of(records_of(tiny))))
    assert run("inspect", package).code == 0
