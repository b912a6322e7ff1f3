"""Scripting, with compiler errors in one line."""

import re
from pathlib import Path
from typing import Any

import torch
from torch import nn

from edgekit.capture.gradients import scriptable
from edgekit.errors import CaptureError, plain_text
from edgekit.parity.eager import exact_eager


def script(module: nn.Module) -> torch.jit.ScriptModule:
    """Scripts a module in eval mode.

    Raises:
        CaptureError: the compiler refuses the module. The message names the line of the user's code.
    """
    with exact_eager(), scriptable():
        try:
            scripted: Any = torch.jit.script(module)
        except Exception as error:  # the compiler raises many types for code that it does not support
            raise CaptureError(script_reason(error)) from error
    made: torch.jit.ScriptModule = scripted
    return made


def try_script(module: nn.Module) -> torch.jit.ScriptModule | None:
    """The scripted module, or None if the compiler refuses it."""
    try:
        return script(module)
    except CaptureError:
        return None


def script_reason(error: BaseException | None) -> str:
    """The compiler's error and the line of the user's code, in one line. File names have no folders."""
    text = plain_text(str(error))
    place = re.search(r'File "([^"]+)", line (\d+)', text)
    lines = [
        line.strip() for line in text.strip().splitlines() if line.strip() and not line.strip().startswith("File ")
    ]
    pointed = [lines[i - 1] for i, line in enumerate(lines) if "<--- HERE" in line and i]
    code = pointed[0].split("~")[0].strip() if pointed else ""
    where = f" ({Path(place[1]).name}:{place[2]}{': ' + code if code else ''})" if place else ""
    return (lines[0] if lines else type(error).__name__).rstrip(":") + where
