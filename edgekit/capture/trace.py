"""Tracing, with the tracer's warnings as data: what became a constant, and on which line of which file."""

import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.jit._trace import TracerWarning

from edgekit.capture.conversions import Conversion, recorded_conversions
from edgekit.capture.gradients import traced_functions
from edgekit.errors import CaptureError, plain_text
from edgekit.parity.eager import exact_eager
from edgekit.sources.hidden import hidden_layers


@dataclass(frozen=True, slots=True)
class TraceWarning:
    """A TracerWarning. `path` is the full path on this machine; it is never written to a package."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{Path(self.path).name}:{self.line}: {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A traced module, the tracer's warnings, and the Python numbers that the model took from sizes."""

    module: torch.jit.ScriptModule
    warnings: tuple[TraceWarning, ...]
    conversions: tuple[Conversion, ...]


def trace(module: Any, example: tuple[torch.Tensor, ...]) -> Trace:
    """Traces a module in eval mode on its example inputs.

    Raises:
        CaptureError: the tracer refuses the module, for example for an output that is not a tensor.
    """
    with (
        exact_eager(),
        traced_functions(),
        warnings.catch_warnings(record=True) as caught,
        recorded_conversions(caught) as conversions,
    ):
        warnings.simplefilter("always")
        try:
            # The probes check the trace on more inputs than check_trace does; strict=False allows dicts and lists.
            traced = torch.jit.trace(module, example, check_trace=False, strict=False)
        except CaptureError:
            raise
        except Exception as error:
            raise CaptureError(_reason(module, error)) from error
    seen = [
        TraceWarning(str(w.filename), w.lineno, _first_line(str(w.message)))
        for w in caught
        if issubclass(w.category, TracerWarning)
    ]
    return Trace(module=traced, warnings=tuple(dict.fromkeys(seen)), conversions=tuple(conversions))


def _reason(module: Any, error: Exception) -> str:
    text = _first_line(str(error))
    if "requires grad as a constant" in text and (hidden := hidden_layers(module)):
        return f"{', '.join(hidden)} holds layers in a Python list or dict, so their weights do not belong to the model"
    if text.startswith("output "):  # torch goes on with the values
        text = f"{text.partition(' (')[0]} is of a type that the tracer does not take"
    return f"{type(error).__name__}: {text}"


def _first_line(text: str) -> str:
    lines = [line.strip() for line in plain_text(text).strip().splitlines() if line.strip()]
    return re.sub(r"\s+", " ", lines[0]).partition(". ")[0] if lines else "no message"
