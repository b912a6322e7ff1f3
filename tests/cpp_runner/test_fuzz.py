"""The short form of `make fuzz`: the readers take files, and a few mutants of each, without a crash."""

import subprocess
from pathlib import Path

import pytest

from .conftest import Exported

TOOLS = Path(__file__).parents[2] / "tools"
MUTANTS = 100


@pytest.mark.parametrize("reader", ["package", "pickle", "text", "npy", "png", "jpeg"])
def test_reader_takes_files_and_their_mutants(
    runner_command: list[str], nested: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reader: str
) -> None:
    monkeypatch.syspath_prepend(str(TOOLS))
    from fuzz import write_seeds

    program = Path(runner_command[-1]).parents[1] / "fuzz" / "edgekit_replay"
    files = write_seeds(reader, nested.package, tmp_path / "seeds")
    command = [*runner_command[:-1], program, reader, str(MUTANTS), *files]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{reader}: {(MUTANTS + 1) * len(files)} inputs\n"
