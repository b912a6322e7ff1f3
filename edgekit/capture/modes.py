"""The capture modes by name, for the command line and the manifest. This module does not import torch."""

from typing import Literal, get_args

Mode = Literal["trace", "script", "hybrid"]
RequestedMode = Literal["auto", "trace", "script", "hybrid"]

MODES: tuple[Mode, ...] = get_args(Mode)  # in the order in which `auto` tries them
REQUESTED_MODES: tuple[RequestedMode, ...] = get_args(RequestedMode)
