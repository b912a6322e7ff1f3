"""The license, and the notices of everything that is shipped or linked."""

import hashlib
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_licence_is_the_unchanged_text_that_pyproject_names() -> None:
    assert PROJECT["license"] == "Apache-2.0"
    assert hashlib.sha256((ROOT / "LICENSE").read_bytes()).hexdigest() == (
        "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"
    )


def test_licence_files_exist() -> None:
    assert [name for name in PROJECT["license-files"] if not (ROOT / name).is_file()] == []


def dependencies() -> list[str]:
    return [requirement.split(">=")[0] for requirement in PROJECT["dependencies"]]


@pytest.mark.parametrize("name", dependencies())
def test_notice_names_each_dependency(name: str) -> None:
    spelled = {"torch": "PyTorch", "numpy": "NumPy", "pillow": "Pillow"}.get(name, name)
    assert spelled in (ROOT / "NOTICE").read_text()
