"""Messages between two processes of one machine: a line of JSON, and behind it the bytes of arrays."""

import json
import operator
from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.generic]
Message = dict[str, Any]
Frame = tuple[Message, list[Array]]


def send(stream: BinaryIO, message: Message, arrays: Sequence[Array] = ()) -> None:
    """Writes a message."""
    described = [[array.dtype.str, array.shape] for array in arrays]
    stream.write(json.dumps([message, described]).encode("ascii") + b"\n")
    for array in arrays:
        stream.write(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    stream.flush()


def receive(stream: BinaryIO) -> Frame:
    """Reads a message.

    Raises:
        EOFError: the other process has ended.
        ValueError: it wrote something else.
    """
    line = stream.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    try:
        message, described = json.loads(line)
        if not isinstance(message, dict):
            raise TypeError("the message is not an object")
        layout = [(np.dtype(dtype), tuple(map(operator.index, shape))) for dtype, shape in described]
    except TypeError as error:
        raise ValueError(str(error)) from error
    return message, [_read(stream, dtype, shape) for dtype, shape in layout]


def _read(stream: BinaryIO, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Array:
    array: Array = np.empty(shape, dtype)
    flat = array.reshape(-1).view(np.uint8).data
    done = 0
    while done < flat.nbytes:
        count = stream.readinto(flat[done:])  # type: ignore[attr-defined]  # every binary stream of Python has it
        if not count:
            raise EOFError
        done += count
    return array
