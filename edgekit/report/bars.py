"""Bars of progress, on stderr, where that is a terminal."""

import sys
from collections.abc import Sequence


class Parts:
    """A bar on a terminal for work in parts, whose number the first call says."""

    def __init__(self, quiet: bool) -> None:
        from tqdm import tqdm

        shown = sys.stderr.isatty() and not quiet
        self._bar = tqdm(disable=not shown, leave=False, bar_format="{desc:<24}{bar:20} {n}/{total} {elapsed}")

    def __call__(self, what: str, done: int, total: int) -> None:
        self._bar.total = total
        self._bar.set_description_str(what, refresh=False)
        self._bar.n = done
        self._bar.refresh()

    def __enter__(self) -> "Parts":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()


class Progress:
    """The stage at work, on stderr, where that is a terminal."""

    def __init__(self, stages: Sequence[str], quiet: bool) -> None:
        from tqdm import tqdm

        shown = sys.stderr.isatty() and not quiet
        self._bar = tqdm(
            total=len(stages), disable=not shown, leave=False, bar_format="{desc:<10}{bar:20} {n}/{total} {elapsed}"
        )
        self._started = False

    def __call__(self, stage: str) -> None:
        self._bar.set_description_str(stage)
        if self._started:
            self._bar.update()
        self._started = True

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()
