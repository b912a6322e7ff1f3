"""Saves a module for the lite interpreter, and says what in it cannot be saved."""

import re
import warnings
from pathlib import Path

import torch

from edgekit.capture.graphs import all_nodes
from edgekit.capture.remedies import capture_remedy
from edgekit.errors import OptimizeError, first_line

_UNSAVED = ("prim::Enter", "prim::PythonOp")  # a `with`, and a function of Python such as a custom autograd function


def save_lite(module: torch.jit.ScriptModule, folder: Path, source: str) -> Path:
    """Writes `archive.ptl` in a folder, as torch does it.

    Raises:
        OptimizeError: torch refuses the module; the message names the line of the user's code.
    """
    path = folder / "archive.ptl"
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        try:
            module._save_for_lite_interpreter(str(path))
        except RuntimeError as error:
            reason = first_line(error).partition(". ")[0].rstrip(".")
            message = f"{source} cannot be saved for the lite interpreter: {reason}{_place(module)}."
            raise OptimizeError(f"{message} {capture_remedy(reason, '')}".rstrip()) from error
    return path


def _place(module: torch.jit.ScriptModule) -> str:
    """The line of the first statement that the lite interpreter lacks, as ` (net.py:12)`."""
    graphs = [module._c._get_method(name).graph for name in module._c._method_names()]
    for node in (node for graph in graphs for node in all_nodes(graph) if node.kind() in _UNSAVED):
        makers = [
            value.node() for value in node.inputs()
        ]  # a `with` has no line, and the call that makes its object has
        found = re.search(r'File "([^"<]+)", line (\d+)', "".join(each.sourceRange() for each in (node, *makers)))
        if found is not None:
            return f" ({Path(found[1]).name}:{found[2]})"
    return ""
