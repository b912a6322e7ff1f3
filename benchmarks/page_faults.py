"""What `ek_keep_freed_memory` saves: page faults, time and the most memory of runs in the runner's library, with and without it.

Each variant runs in processes of its own, in turn. Needs `make runner` and a package whose `forward` takes one float32 tensor.
"""

import ctypes
import json
import math
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from common import parser, print_context, print_document, summary

LIBRARY = Path("build/cpp/release/libedgekit.so")
VARIANTS = {"freed": False, "kept": True}


class Tensor(ctypes.Structure):
    """`ek_tensor` of edgekit.h."""

    _fields_ = [
        ("dtype", ctypes.c_int),
        ("rank", ctypes.c_int32),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("data", ctypes.c_void_p),
        ("size_bytes", ctypes.c_size_t),
    ]


def page_faults() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def measure(package: str, shape: list[int], runs: int, *, keep: bool) -> dict[str, Any]:
    """In a child process: the runs after three that are not counted."""
    library = ctypes.CDLL(str(LIBRARY))
    library.ek_last_error.restype = ctypes.c_char_p
    library.ek_values_destroy.argtypes = [ctypes.c_void_p]

    def check(status: int) -> None:
        if status:
            sys.exit(library.ek_last_error().decode())

    if keep:
        check(library.ek_keep_freed_memory())
    model = ctypes.c_void_p()
    check(library.ek_model_load(package.encode(), None, ctypes.byref(model)))
    numbers = (ctypes.c_float * math.prod(shape))()
    axes = (ctypes.c_int64 * len(shape))(*shape)
    tensor = Tensor(0, len(shape), axes, ctypes.addressof(numbers), ctypes.sizeof(numbers))

    def run() -> float:
        values = ctypes.c_void_p()
        start = time.perf_counter()
        check(library.ek_model_run(model, b"forward", ctypes.byref(tensor), ctypes.c_size_t(1), ctypes.byref(values)))
        library.ek_values_destroy(values)
        return (time.perf_counter() - start) * 1000

    for _ in range(3):
        run()
    before = page_faults()
    samples = [run() for _ in range(runs)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"page_faults": page_faults() - before, "samples_ms": samples, "peak_kb": peak}


def main() -> int:
    arguments = parser(__doc__)
    arguments.add_argument("package", help="a .ptl, for example of deeplabv3_mobilenet_v3_large")
    arguments.add_argument("shape", help="the shape of its input, for example 1x3x480x640")
    arguments.add_argument("--runs", type=int, default=20, help="runs in each process")
    arguments.add_argument("--child", choices=VARIANTS, help="measure in this process")
    options = arguments.parse_args()
    shape = [int(axis) for axis in options.shape.split("x")]
    if options.child:
        print(json.dumps(measure(options.package, shape, options.runs, keep=VARIANTS[options.child])))
        return 0
    print_context()
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in VARIANTS}
    for _ in range(options.rounds or 3):
        for name, documents in found.items():
            command = [sys.executable, __file__, options.package, options.shape, "--runs", str(options.runs)]
            done = subprocess.run([*command, "--child", name], capture_output=True, text=True, check=False)
            if done.returncode:
                sys.exit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr}")
            documents.append(json.loads(done.stdout))
    results = {
        name: {
            **summary([sample for each in documents for sample in each["samples_ms"]]),
            "page_faults": min(each["page_faults"] for each in documents),
            "peak_kb": max(each["peak_kb"] for each in documents),
        }
        for name, documents in found.items()
    }
    if options.json:
        print_document(results)
        return 0
    for name, result in results.items():
        print(
            f"memory {name}: {result['page_faults']} page faults in {options.runs} runs, p50 {result['median']:.1f} ms, "
            f"minimum {result['min']:.1f} ms, at most {result['peak_kb'] / 1024:.0f} MB"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
