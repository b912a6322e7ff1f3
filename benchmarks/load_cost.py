"""What checking the digests adds to loading a package in the runner's library, in turn in one process.

Exits 1 if a load with digests takes more than 1.5 times as long as one without. Needs `make runner` and a package.
"""

import ctypes
import sys
import time
from pathlib import Path
from typing import Any

from common import parser, print_context, print_document, summary

LIBRARY = Path("build/cpp/release/libedgekit.so")
MOST = 1.5


class Options(ctypes.Structure):
    """`ek_options` of edgekit.h."""

    _fields_ = [
        ("struct_size", ctypes.c_size_t),
        ("threads", ctypes.c_int32),
        ("pool", ctypes.c_int32),
        ("check_digests", ctypes.c_int32),
        ("allow_nonfinite", ctypes.c_int32),
        ("optimize", ctypes.c_int32),
        ("warn", ctypes.c_void_p),
        ("user", ctypes.c_void_p),
        ("public_key", ctypes.c_char_p),
    ]


def load_ms(library: Any, package: Path, *, digests: bool) -> float:
    options, model = Options(), ctypes.c_void_p()
    library.ek_options_init_sized(ctypes.byref(options), ctypes.c_size_t(ctypes.sizeof(options)))
    options.threads, options.check_digests = 2, int(digests)
    start = time.perf_counter()
    status = library.ek_model_load(bytes(package), ctypes.byref(options), ctypes.byref(model))
    elapsed = (time.perf_counter() - start) * 1000
    if status:
        sys.exit(library.ek_last_error().decode())
    library.ek_model_destroy(model)
    return elapsed


def main() -> int:
    arguments = parser(__doc__)
    arguments.add_argument("package", type=Path, help="a .ptl, for example of resnet50")
    options = arguments.parse_args()
    print_context()
    library = ctypes.CDLL(str(LIBRARY))
    library.ek_last_error.restype = ctypes.c_char_p
    library.ek_model_destroy.argtypes = [ctypes.c_void_p]
    load_ms(library, options.package, digests=True)  # reads the file and starts the pools
    samples: dict[str, list[float]] = {"without": [], "with": []}
    for _ in range(options.rounds or 20):
        for name, found in samples.items():
            found.append(load_ms(library, options.package, digests=name == "with"))
    results = {name: summary(found) for name, found in samples.items()}
    ratio = results["with"]["min"] / results["without"]["min"]
    if options.json:
        print_document({**results, "ratio": ratio})
    else:
        print(
            f"without digests {results['without']['min']:.1f} ms, with {results['with']['min']:.1f} ms: {ratio:.2f} times"
        )
    return 0 if ratio <= MOST else 1


if __name__ == "__main__":
    sys.exit(main())
