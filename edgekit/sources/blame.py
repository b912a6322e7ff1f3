"""The line of the user's own code behind an error or a call: outside edgekit, torch and the standard library."""

import sys
import sysconfig
import traceback
from pathlib import Path

from edgekit.errors import first_line


def user_error(error: BaseException) -> str:
    """The user's exception in one line, with the last line of the user's own code in its traceback."""
    return f"{type(error).__name__}: {first_line(error)}{_place(traceback.extract_tb(error.__traceback__))}"


def error_place(error: BaseException) -> str:
    """The last line of the user's own code in a traceback, as ` (file.py:12)`; empty where there is none."""
    return _place(traceback.extract_tb(error.__traceback__))


def calling_place() -> str:
    """The innermost line of the user's own code on the stack, in the same form."""
    return _place(traceback.extract_stack(sys._getframe(1)))


def _place(frames: traceback.StackSummary) -> str:
    own = [frame for frame in frames if not _is_foreign(frame.filename)]
    return f" ({Path(own[-1].filename).name}:{own[-1].lineno})" if own else ""


def _is_foreign(filename: str) -> bool:
    installed = (sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), str(Path(__file__).parents[1]))
    return filename.startswith(("<", *installed)) or "site-packages" in filename
