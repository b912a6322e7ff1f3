"""The result of a command, and checks of it."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
SOURCES = Path(__file__).parent / "sources.py"


@dataclass(frozen=True)
class Result:
    """The exit code and both streams of a command."""

    code: int
    out: str
    err: str

    def failed(self, code: int, *texts: str) -> None:
        """Asserts the exit code, that stderr has each of the texts, and that neither stream has a traceback."""
        assert self.code == code, self.err
        assert "Traceback" not in self.err + self.out
        assert any(line.startswith("edgekit") for line in self.err.splitlines()), self.err
        for text in texts:
            assert text in self.err, f"{text!r} is not in {self.err!r}"

    def passed(self, *texts: str) -> None:
        """Asserts exit code 0, and that stdout has each of the texts."""
        assert self.code == 0, self.err
        for text in texts:
            assert text in self.out, f"{text!r} is not in {self.out!r}"


Command = Callable[..., Result]


def environment(**more: str) -> dict[str, str]:
    """The environment of a child process that imports edgekit from this checkout."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests"))), **more}


def everything_in(path: Path) -> list[str]:
    """All files and folders below a folder, including hidden ones."""
    return sorted(str(found.relative_to(path)) for found in path.rglob("*"))
