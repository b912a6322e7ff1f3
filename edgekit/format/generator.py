"""The arrays of golden inputs: stored ones, and those of the integer generator (docs/format.md), which every reader has."""

import base64
import math

import numpy as np
import numpy.typing as npt

from edgekit.format.golden import GoldenInput, sample_bytes

Array = npt.NDArray[np.generic]


def mix(x: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """Chris Wellons' `lowbias32`, a bijection of 32-bit integers, elementwise."""
    x = x ^ (x >> np.uint32(16))
    x = x * np.uint32(0x7FEB352D)
    x = x ^ (x >> np.uint32(15))
    x = x * np.uint32(0x846CA68B)
    return x ^ (x >> np.uint32(16))


def hashes(seed: int, count: int) -> npt.NDArray[np.uint32]:
    """The first `count` hashes of a seed."""
    key = mix(np.array([seed & 0xFFFFFFFF], dtype=np.uint32))
    return mix(np.arange(count, dtype=np.uint32) + key)


def stored(name: str, array: Array) -> GoldenInput:
    """An array as a golden input that holds its bytes; `generate` gives the array back."""
    raw = array.astype(array.dtype.newbyteorder("<")).tobytes()
    return GoldenInput(name=name, dtype=str(array.dtype), shape=array.shape, data=base64.b64encode(raw).decode("ascii"))


def generate(spec: GoldenInput) -> Array:
    """The array of a golden input, of its shape and dtype."""
    if spec.seed is None or spec.low is None or spec.high is None:
        stored = np.frombuffer(sample_bytes(spec), np.dtype(spec.dtype).newbyteorder("<"))
        return stored.astype(spec.dtype).reshape(spec.shape)
    bits = hashes(spec.seed, math.prod(spec.shape))
    if spec.dtype in ("float32", "float64"):
        low, high = float(spec.low), float(spec.high)
        values = low + (bits >> np.uint32(8)).astype(np.float64) * 2.0**-24 * (high - low)
        return values.astype(spec.dtype).reshape(spec.shape)
    low, high = int(spec.low), int(spec.high)
    steps = (bits.astype(np.uint64) * np.uint64(high - low + 1)) >> np.uint64(32)
    return (steps.astype(np.int64) + low).astype(spec.dtype).reshape(spec.shape)
