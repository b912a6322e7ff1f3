"""The command line, in this process for most tests and as a process of its own where that is the point."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edgekit.cli.main import main

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Result:
    """What a command left: its exit code and both streams."""

    code: int
    out: str
    err: str

    def failed(self, code: int, *told: str) -> None:
        """Asserts the exit code, that stderr tells each of these, and that neither stream shows a traceback."""
        assert self.code == code, self.err
        assert "Traceback" not in self.err + self.out
        assert self.err.startswith("edgekit"), self.err
        for text in told:
            assert text in self.err, f"{text!r} is not in {self.err!r}"


Command = Callable[..., Result]


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


def environment(**more: str) -> dict[str, str]:
    """The environment of a child that imports the edgekit of this tree."""
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


@pytest.fixture
def process(folder: Path) -> Command:
    """Runs a command as a process of its own, in the empty folder."""

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


def everything_in(path: Path) -> list[str]:
    """All files and folders below a folder, dotfiles too."""
    return sorted(str(found.relative_to(path)) for found in path.rglob("*"))
