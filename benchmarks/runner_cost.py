"""The cost of the runner beside the model: sizes, start-up to the first result, the C ABI and its checks, decoding.

Exits 1 if a stripped binary has 1 MB or more, if the first result takes a second or more, or if the C ABI and its checks add
3 % or more to a plain forward in libtorch. Needs `make runner` and a package of mobilenet_v3_small.
"""

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from common import interleaved, parser, print_context, print_document, summary

BUILD = Path("build/cpp/release")
RUNNER = BUILD / "cli" / "edgekit-runner"
MOST_BYTES, MOST_SECONDS, MOST_OVERHEAD = 1_000_000, 1.0, 0.03


def stripped_sizes() -> dict[str, int]:
    with tempfile.TemporaryDirectory() as folder:
        sizes = {}
        for binary in (RUNNER, (BUILD / "libedgekit.so").resolve()):
            copy = shutil.copy(binary, folder)
            subprocess.run(["strip", copy], check=True)
            sizes[binary.name] = Path(copy).stat().st_size
    return sizes


def overhead(package: Path, rounds: int, processes: int = 20) -> dict[str, Any]:
    """The ratios of pairs of runs in one process, for several processes.

    The place of the weights in memory changes a ratio by up to 3 % in either direction, so half of the processes load the bare
    module first, and the figure is the median over processes.
    """
    subprocess.run(["cmake", "--build", BUILD, "--target", "edgekit_overhead"], check=True, stdout=subprocess.DEVNULL)
    ratios, bare = [], []
    for index in range(processes):
        command = [str(BUILD / "edgekit_overhead"), str(package), str(rounds), ("bare", "edgekit")[index % 2]]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        pairs = [tuple(map(float, line.split(","))) for line in done.stdout.splitlines()[1:]]
        ratios.append(statistics.median(ours / theirs for theirs, ours in pairs) - 1)
        bare.append(statistics.median(theirs for theirs, _ in pairs))
    least, *_, most = sorted(ratios)
    return {"bare_ms": statistics.median(bare), "median": statistics.median(ratios), "least": least, "most": most}


def pictures(package: Path, picture: Path, rounds: int) -> dict[str, Any]:
    command = [str(RUNNER), "run", str(package), *[str(picture)] * rounds, "--json", "--threads", "1"]
    context = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["context"]
    return {name: statistics.median(context[name]) for name in ("decode_ms", "predict_ms")}


def main() -> int:
    arguments = parser(__doc__)
    arguments.add_argument("package", type=Path, help="a .ptl of mobilenet_v3_small")
    arguments.add_argument("picture", type=Path, help="a JPEG or PNG file")
    options = arguments.parse_args()
    print_context()
    rounds = options.rounds or 200
    start_up = interleaved({"run": [str(RUNNER), "run", str(options.package), "--input", "1x3x224x224"]}, 7)["run"]
    results = {
        "stripped_bytes": stripped_sizes(),
        "first_result_s": summary([cost.wall_s for cost in start_up]),
        "overhead": overhead(options.package, rounds),
        "picture": pictures(options.package, options.picture, 20),
    }
    if options.json:
        print_document(results)
    else:
        print(json.dumps({**results, "first_result_s": results["first_result_s"]["min"]}, indent=1))
    held = (
        max(results["stripped_bytes"].values()) < MOST_BYTES
        and results["first_result_s"]["min"] < MOST_SECONDS
        and results["overhead"]["median"] < MOST_OVERHEAD
    )
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
