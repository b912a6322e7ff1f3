"""Writes generator.json with plain Python integers, so that it is independent of edgekit's numpy code."""

import hashlib
import json
import struct
from pathlib import Path

CASES = [
    ("float32", [2, 3], 1, -2.0, 2.0),
    ("float32", [5], 0, 0.0, 1.0),
    ("float32", [7], 4294967295, -0.5, 1024.0),
    ("float32", [3], 9, 0.0, 0.0),
    ("float32", [300], 77, -1.0, 1.0),
    ("float64", [4], 2, -2.0, 2.0),
    ("uint8", [2, 2, 3], 3, 0, 255),
    ("int8", [6], 4, -128, 127),
    ("int32", [6], 5, -1000, 1000),
    ("int64", [6], 6, 0, 1000),
    ("int64", [6], 7, -2147483648, 2147483647),
    ("bool", [8], 8, 0, 1),
    ("float32", [], 10, -1.0, 1.0),
    ("float32", [0, 4], 11, -1.0, 1.0),
]
FORMATS = {"float32": "f", "float64": "d", "uint8": "B", "int8": "b", "int32": "i", "int64": "q", "bool": "?"}
MASK = 0xFFFFFFFF


def mix(x: int) -> int:
    x ^= x >> 16
    x = x * 0x7FEB352D & MASK
    x ^= x >> 15
    x = x * 0x846CA68B & MASK
    return x ^ x >> 16


def values(dtype: str, count: int, seed: int, low: float, high: float) -> list[float]:
    bits = [mix((mix(seed) + i) & MASK) for i in range(count)]
    if dtype.startswith("float"):
        return [low + (h >> 8) * 2.0**-24 * (high - low) for h in bits]
    return [low + (h * (int(high) - int(low) + 1) >> 32) for h in bits]


def case(dtype: str, shape: list[int], seed: int, low: float, high: float) -> dict[str, object]:
    count = 1
    for size in shape:
        count *= size
    data = struct.pack(f"<{count}{FORMATS[dtype]}", *values(dtype, count, seed, low, high))
    first = [float(v) if "float" in dtype else int(v) for v in struct.unpack(f"<{count}{FORMATS[dtype]}", data)[:8]]
    return {
        "input": {"name": "x", "dtype": dtype, "shape": shape, "seed": seed, "low": low, "high": high},
        "sha256": hashlib.sha256(data).hexdigest(),
        "first": first,
    }


if __name__ == "__main__":
    document = {
        "about": "first: up to 8 leading values; sha256: over all of them as little-endian bytes, row-major",
        "schema_version": "1.0",
        "cases": [case(*parts) for parts in CASES],
    }
    Path(__file__).with_name("generator.json").write_text(json.dumps(document, indent=1) + "\n")
