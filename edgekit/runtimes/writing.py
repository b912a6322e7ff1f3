"""How much has been written to a folder, while something writes to it."""

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

_INTERVAL_S = 1.0


def size_bytes(folder: Path) -> int:
    """The size of the files in a folder, as far as they can be read."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += Path(place, name).lstat().st_size
    return total


@contextlib.contextmanager
def shown_size(what: str, folder: Path, expected_bytes: int, *, shown: bool) -> Iterator[None]:
    """Shows on stderr how much is written, until the block ends.

    Args:
        what: what is written, for people.
        folder: where it is written.
        expected_bytes: how much it will be; 0 if it is not known.
        shown: whether to show it where stderr is a terminal.
    """
    from tqdm import tqdm

    form = "{desc}: {bar:20} {n_fmt}B of {total_fmt}B {elapsed}" if expected_bytes else "{desc}: {n_fmt}B {elapsed}"
    bar = tqdm(
        desc=what,
        total=expected_bytes or None,
        disable=not (shown and sys.stderr.isatty()),
        leave=False,
        unit_scale=True,
        bar_format=form,
    )
    ended = threading.Event()

    def follow() -> None:
        while not ended.wait(_INTERVAL_S):
            bar.n = min(size_bytes(folder), expected_bytes or sys.maxsize)
            bar.refresh()

    follower = threading.Thread(target=follow, daemon=True)
    with bar:
        if not bar.disable:
            follower.start()
        try:
            yield
        finally:
            ended.set()
            if not bar.disable:
                follower.join()
