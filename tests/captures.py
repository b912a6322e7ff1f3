"""Captured models for the tests of capture and of passes."""

from collections.abc import Callable

import torch
from torch import nn

from edgekit.capture.captured import CapturedModel
from edgekit.capture.decide import capture
from edgekit.capture.modes import RequestedMode
from edgekit.format.schema import Tolerance
from edgekit.sources.inputs import parse_input
from edgekit.sources.source import SourceModel, SourceRequest, from_module


def source_of(factory: Callable[[], nn.Module], *inputs: str) -> SourceModel:
    torch.manual_seed(0)
    request = SourceRequest(inputs=[parse_input(text) for text in inputs])
    return from_module(factory().eval(), name=factory.__name__, source=f"models:{factory.__name__}", request=request)


def captured(
    factory: Callable[[], nn.Module], *inputs: str, mode: RequestedMode = "auto", allow: bool = False
) -> CapturedModel:
    return capture(source_of(factory, *inputs), mode, Tolerance(), allow)


def free_axes(model: CapturedModel) -> tuple[tuple[int, int], ...]:
    """The axes that may have other sizes, as pairs of input and axis."""
    return tuple(sorted(axis for each in model.ranges for axis in each.axes))
