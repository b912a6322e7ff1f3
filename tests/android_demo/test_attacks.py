"""Android's reader refuses the same containers as Python, with the same cause. Needs `make android-runtime`."""

from pathlib import Path

import pytest
from android_demo.test_host_cli import call
from attacks.containers import ATTACKS, join, parts_of
from attacks.test_containers import records_of
from attacks.test_manifests import blind, write_changed
from packages import edit_golden

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


@pytest.mark.parametrize("verb", ["verify", "bench"])
def test_golden_cases_that_list_nothing_end_with_3(tiny: Path, tmp_path: Path, verb: str) -> None:
    done = call(verb, write_changed(tiny, tmp_path, edit_golden(blind)))
    assert (done.returncode, done.stdout) == (3, "")
    assert "lists no element of output" in done.stderr


def test_container_rebuilt_without_an_attack_is_verified(tiny: Path, tmp_path: Path) -> None:
    package = tmp_path / "x.ptl"
    package.write_bytes(join(parts_of(records_of(tiny))))
    done = call("verify", package)
    assert done.returncode == 0, done.stderr
