"""Shell completion, tested in bash."""

import contextlib
import io
import subprocess
from pathlib import Path

import pytest

from edgekit.cli.main import main

COMPLETE = """
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
$(complete -p edgekit | sed -E 's/.*-F ([^ ]+) .*/\\1/')
printf '%s\\n' "${COMPREPLY[@]}"
"""


def printed(shell: str) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as out, pytest.raises(SystemExit) as end:
        main(["--print-completion", shell])
    assert end.value.code in (0, None)
    return out.getvalue()


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("completion") / "edgekit.bash"
    file.write_text(printed("bash"))
    return file


def complete(script: Path, *words: str, cwd: Path | None = None) -> list[str]:
    """The words that bash offers to complete the last word of a command line."""
    command = ["bash", "--norc", "-c", COMPLETE, "bash", str(script), "edgekit", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=cwd)
    assert done.stderr == ""
    return done.stdout.split()


def test_completion_of_a_verb(script: Path) -> None:
    assert complete(script, "ver") == ["verify"]


def test_completion_of_options_is_that_of_the_verb(script: Path) -> None:
    assert "--recipe" in complete(script, "export", "--")
    assert "--recipe" not in complete(script, "verify", "--")
    assert {"--bisect", "--model", "--checkpoint", "--bind"} <= set(complete(script, "verify", "--"))


def test_completion_of_values(script: Path) -> None:
    assert complete(script, "export", "--recipe", "mobile") == ["mobile", "mobile-nchw"]
    assert complete(script, "verify", "--runtime", "android") == ["android", "android-arm64"]


def test_completion_of_files(script: Path, tmp_path: Path) -> None:
    (tmp_path / "net.ptl").touch()
    assert complete(script, "inspect", "ne", cwd=tmp_path) == ["net.ptl"]


@pytest.mark.parametrize(("shell", "first"), [("zsh", "#compdef edgekit"), ("fish", "")])
def test_completion_of_other_shells_has_every_verb(shell: str, first: str) -> None:
    script = printed(shell)
    assert script.startswith(first)
    assert [word for word in ("export", "verify", "bench", "recipe") if word not in script] == []


def test_completion_of_an_unknown_shell_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--print-completion", "ksh"])
    assert end.value.code == 2
    assert "bash" in capsys.readouterr().err
