"""Android's reader refuses the same containers as Python, with the same cause. Needs `make android-runtime`."""

from pathlib import Path

import pytest
from android_demo.test_host_cli import call
from attacks.containers import ATTACKS, join, parts_of
from attacks.test_containers import records_of

from edgekit.runtimes.android import AndroidRuntime

pytestmark = pytest.mark.skipif(bool(AndroidRuntime().missing()), reason="make android-runtime has not run here")


@pytest.mark.parametrize("name", ATTACKS)
def test_container_attack_ends_with_3_and_names_the_cause(tiny: Path, tmp_path: Path, name: str) -> None:
    message, attack = ATTACKS[name]
    package = tmp_path / "x.ptl"
    package.write_bytes(attack(parts_of(records_of(tiny))))
    done = call("verify", package)
    assert (done.returncode, done.stdout) == (3, "")
    assert message in done.stderr
    assert done.stderr.strip().isprintable()


def test_container_rebuilt_without_an_attack_is_verified(tiny: Path, tmp_path: Path) -> None:
    package = tmp_path / "x.ptl"
    package.write_bytes(join(parts_of(records_of(tiny))))
    done = call("verify", package)
    assert done.returncode == 0, done.stderr
