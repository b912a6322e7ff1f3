"""The behavior that all verbs share: help, usage errors, exit codes, pipes, bugs."""

import os
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import pytest

from cli.command import SOURCES, Command, environment
from edgekit.cli import main as entry
from edgekit.errors import EXIT_BUG


@pytest.mark.parametrize(("verb", "about"), entry.VERBS.items())
def test_help_of_each_verb_says_what_it_does(cli: Command, verb: str, about: str) -> None:
    result = cli(verb, "--help")
    result.passed(f"usage: edgekit {verb}", about[1:], "--quiet")
    assert result.err == ""


def test_help_lists_every_verb_and_the_exit_codes(cli: Command) -> None:
    cli("--help").passed(*entry.VERBS, "3 bad model or package")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: VERB"),
        (["exprot"], "invalid choice: 'exprot'"),
        (["export"], "the following arguments are required: source"),
        (["verify"], "the following arguments are required: package"),
        (["inspect", "a.ptl", "b.ptl"], "unrecognized arguments: b.ptl"),
        (["--nonsense"], "edgekit: "),
    ],
)
def test_usage_error_exits_2_and_points_to_help(cli: Command, arguments: list[str], message: str) -> None:
    cli(*arguments).failed(2, message, "--help")


@pytest.mark.parametrize(
    "words", [["-q", "verify"], ["verify", "-q"], ["--json", "verify"], ["verify", "--json", "-q"]]
)
def test_options_may_stand_before_or_after_the_verb(cli: Command, tiny: Path, words: list[str]) -> None:
    for arguments in (
        [*words, tiny],
        [words[0], tiny, *words[1:]] if words[0] == "verify" else [words[0], tiny, words[1]],
    ):
        result = cli(*arguments)
        result.passed('"schema_version"' if "--json" in words else "tiny on lite: pass")
        assert result.err == ""


def test_options_before_the_verb_keep_their_values(cli: Command, tiny: Path) -> None:
    cli("--runtime", "lite", "verify", tiny).passed("tiny on lite: pass")
    cli("--runtime", "quantum", "verify", tiny).failed(2, "unknown runtime 'quantum'")
    assert cli("--version", "verify", tiny).out.startswith("edgekit ")


def test_version_is_printed(cli: Command) -> None:
    from edgekit.version import __version__

    assert cli("--version").out == f"edgekit {__version__}\n"


def test_bug_shows_its_traceback_and_exits_70(cli: Command, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from edgekit.cli import inspect

    def defective(_: object) -> int:
        raise KeyError("broken on purpose")

    monkeypatch.setattr(inspect, "run", defective)
    result = cli("inspect", tiny)
    assert result.code == EXIT_BUG
    assert "Traceback" in result.err
    assert "this is a bug of edgekit" in result.err


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (MemoryError("4 PiB"), 4, "out of memory (4 PiB)"),
        (KeyboardInterrupt(), 130, "interrupted; nothing was written"),
    ],
)
def test_limit_of_the_machine_is_not_reported_as_a_bug(
    cli: Command, tiny: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, message: str
) -> None:
    from edgekit.cli import inspect

    def hungry(_: object) -> int:
        raise error

    monkeypatch.setattr(inspect, "run", hungry)
    cli("inspect", tiny).failed(code, message)


def test_verbose_error_shows_where_it_came_from(cli: Command) -> None:
    assert "Traceback" not in cli("inspect", "missing.ptl").err
    assert "Traceback" in cli("inspect", "missing.ptl", "-v").err


def test_quiet_export_keeps_messages_to_itself(cli: Command) -> None:
    net = ("export", f"{SOURCES}:in_train_mode", "--input", "4")
    assert cli(*net, "-q").err == ""
    assert "train mode" in cli(*net).err


def test_main_leaves_the_process_as_it_was(cli: Command, tiny: Path) -> None:
    import logging
    import signal

    before = (signal.getsignal(signal.SIGTERM), list(warnings.filters), list(logging.getLogger("edgekit").handlers))
    cli("inspect", tiny).passed()
    cli("inspect", "missing.ptl").failed(3)
    assert (signal.getsignal(signal.SIGTERM), list(warnings.filters), logging.getLogger("edgekit").handlers) == before


def test_main_in_another_thread_works(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(entry.main(["inspect", str(tiny)])))
    thread.start()
    thread.join()
    assert codes == [0]
    assert "tiny.ptl" in capsys.readouterr().out


def test_broken_pipe_ends_quietly(tiny: Path, folder: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "edgekit", "inspect", str(tiny), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        cwd=folder,
    )
    assert child.stdout is not None
    assert child.stderr is not None
    child.stdout.close()  # the reader ends
    assert child.stderr.read() == b""
    child.stderr.close()
    assert child.wait(60) == 0


def test_process_exits_with_the_code_of_main(process: Command, tiny: Path) -> None:
    process("inspect", tiny).passed("tiny.ptl")
    process("inspect", "missing.ptl").failed(3, "missing.ptl does not exist")
    process("verify", tiny).passed("tiny on lite: pass")


def test_shared_options_have_one_help_text() -> None:
    subparsers = next(a for a in entry._parser(entry.VERBS)._actions if isinstance(a.choices, dict))
    texts: dict[str, set[str | None]] = {}
    for parser in subparsers.choices.values():
        for action in parser._actions:
            texts.setdefault((action.option_strings or [action.dest])[-1], set()).add(action.help)
    for name in ("--json", "--threads", "--verbose", "--quiet"):
        assert len(texts[name]) == 1, texts[name]
    assert texts["package"] == {
        "a .ptl file that edgekit export made",
        "a .ptl file; one that another tool made works too",
    }


@pytest.mark.parametrize("redirect", ["> /dev/null", ">&-", ">&- 2>&-", "| cat"])
def test_output_that_is_closed_or_lacks_characters_is_not_a_bug(tiny: Path, redirect: str) -> None:
    photo = Path(__file__).parents[1] / "conformance" / "images" / "jpeg_420.jpg"
    command = f"set -o pipefail; '{sys.executable}' -m edgekit run '{tiny}' '{photo}' {redirect}"
    ascii_only = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run(["bash", "-c", command], env=ascii_only, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert ("d\\xf6g" in done.stdout) == (redirect == "| cat")
