"""Runs the command line: in this process for most tests, and as a separate process where the test needs one."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cli.command import Command, Result, environment
from edgekit.cli.main import main


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    path = tmp_path / "work"
    path.mkdir()
    monkeypatch.chdir(path)
    return path


@pytest.fixture
def cli(folder: Path, capsys: pytest.CaptureFixture[str]) -> Command:  # noqa: ARG001  the folder is where it runs
    """Runs a command in this process, in the empty folder."""

    def run(*arguments: object) -> Result:
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as exit_:
            code = exit_.code if isinstance(exit_.code, int) else 1
        out, err = capsys.readouterr()
        return Result(code, out, err)

    return run


@pytest.fixture
def process(folder: Path) -> Command:
    """Runs a command as a separate process, in the empty folder."""

    def run(*arguments: object, env: dict[str, str] | None = None, **options: Any) -> Result:
        done = subprocess.run(
            [sys.executable, "-m", "edgekit", *map(str, arguments)],
            cwd=folder,
            env=environment(**(env or {})),
            capture_output=True,
            text=True,
            timeout=120,
            **options,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    return run
