"""The cost and the benefit of setting the thread counts around each run.

Three processes run one package in turn: the plain lite interpreter, where both pools use all cores; the same with
OMP_NUM_THREADS=1, the best setting for a process that does nothing else; and `edgekit.load(...).run` without this variable.
Usage: python benchmarks/threads_cost.py [MODEL ...] [--rounds N]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MODELS = ("mobilenet_v3_small", "resnet18")
WAYS = {"trap": {}, "variable": {"OMP_NUM_THREADS": "1"}, "held": {}}
RUNS = 60


def measure(way: str, package: str) -> float:
    """Runs one process. Returns the median of its runs after a warm-up, in ms."""
    import numpy as np
    import torch

    from edgekit.model import LiteModel
    from edgekit.runtimes.lite import LiteModule

    array = np.random.default_rng(0).standard_normal((1, 3, 224, 224), dtype=np.float32)
    if way == "held":
        model = LiteModel(package)

        def run() -> object:
            return model.run([array])
    else:
        module, tensor = LiteModule(package), torch.from_numpy(array)

        def run() -> object:
            return module.call("forward", [tensor])

    samples = []
    for index in range(RUNS + 10):
        start = time.perf_counter()
        run()
        if index >= 10:
            samples.append(1e3 * (time.perf_counter() - start))
    return statistics.median(samples)


def holding_us() -> float:
    """The cost of an empty `held_threads` block, in microseconds."""
    from edgekit.threads import held_threads

    with held_threads("xnnpack"):
        pass
    start = time.perf_counter()
    for _ in range(10_000):
        with held_threads("xnnpack"):
            pass
    return 1e6 * (time.perf_counter() - start) / 10_000


def child(way: str, package: str) -> float:
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"} | WAYS[way]
    command = [sys.executable, "-W", "ignore", __file__, "--one", way, package]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return float(json.loads(done.stdout))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=MODELS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", nargs=2, metavar=("WAY", "PACKAGE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(*options.one)))
        return
    print(f"holding the threads: {holding_us():.1f} us a run")
    with tempfile.TemporaryDirectory() as scratch:
        for name in options.models:
            package = str(Path(scratch) / f"{name}.ptl")
            export = [sys.executable, "-m", "edgekit", "export", name, "--weights", "random", "-q", "-o", package]
            subprocess.run(export, check=True, stdout=subprocess.DEVNULL)
            rounds = [{way: child(way, package) for way in WAYS} for _ in range(options.rounds)]
            best = {way: min(found[way] for found in rounds) for way in WAYS}
            print(
                f"{name}: trap {best['trap']:.1f} ms, variable {best['variable']:.2f} ms, held {best['held']:.2f} ms; "
                f"held / variable {best['held'] / best['variable']:.2f}, trap / held {best['trap'] / best['held']:.1f}"
            )


if __name__ == "__main__":
    main()
