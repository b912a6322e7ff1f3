"""Runs `edgekit sweep` as a process, and looks at what it leaves."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cli.command import Result, environment

FACTORIES = Path(__file__).parent / "factories.py"
INPUT = ("--input", "1x8")


def source(name: str) -> str:
    return f"{FACTORIES}:{name}"


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "edgekit", "sweep", *map(str, arguments)]


def sweep(folder: Path, *arguments: object) -> Result:
    options: dict[str, Any] = {"cwd": folder, "env": environment(), "capture_output": True, "text": True}
    done = subprocess.run(command(*arguments), timeout=300, **options)
    return Result(done.returncode, done.stdout, done.stderr)


def models(*names: str) -> tuple[str, str]:
    return "--models", ",".join(map(source, names))


def stored(folder: Path) -> list[dict[str, Any]]:
    """The rows of the state, without the header."""
    file = folder / "build" / "sweep" / "state.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()[1:]] if file.exists() else []


def until(what: Callable[[], object], seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.1)


def runs(pid: int) -> bool:
    """Whether a process runs: it exists, and is more than what an ended process leaves until somebody asks."""
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()
