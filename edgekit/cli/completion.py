"""`edgekit --print-completion SHELL`: the script that completes verbs, options, runtimes and files in a shell."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from edgekit.runtimes.registry import TARGETS

_FILES = ("package", "source", "pictures")


def completion_script(parser: argparse.ArgumentParser, shell: str) -> str:
    """The script for a shell. `parser` has the arguments of every verb; their actions are changed for shtab."""
    import shtab

    for action in _actions(parser):
        if action.type is Path or action.metavar == "FILE" or action.dest in _FILES:
            action.complete = shtab.FILE  # type: ignore[attr-defined]  # shtab looks for it
        elif action.dest == "runtime":
            action.choices = list(TARGETS)
    script: str = shtab.complete(parser, shell)
    return script


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                yield from _actions(child)
        else:
            yield action
