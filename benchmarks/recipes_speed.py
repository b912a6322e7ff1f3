"""The latency of edgekit's recipes: the lite interpreter, batch 1, random weights, all recipes in turn.

Measured with one thread, in CPU time, which other work on the machine disturbs little, and with the default pool, in wall
time. Each measurement runs in a new process, because torch reads its threads once.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from typing import Any

from common import parser, print_context, print_document, summary

RECIPES = ("naive", "frozen", "mobile-nchw", "mobile")
MODELS = ("mobilenet_v2", "mobilenet_v3_small", "squeezenet1_1", "shufflenet_v2_x1_0", "resnet18")
WARM_UP = 3


def measure(model: str, threads: int, rounds: int) -> dict[str, Any]:
    """The time of every recipe on one model in ms, in this process. `threads` 0 keeps the default size of XNNPACK's pool.

    The parity gate is off here, because it would repair the naive recipe before it is timed.
    """
    import torch

    if threads:
        torch.set_num_threads(threads)

    from edgekit.capture.trace import trace
    from edgekit.optimize.passes.base import Context, passes_of
    from edgekit.optimize.recipes import RECIPES as KNOWN
    from edgekit.parity.eager import exact_eager
    from edgekit.sources.inputs import parse_input
    from edgekit.sources.resolve import load_source
    from edgekit.sources.source import SourceRequest

    source = load_source(model, SourceRequest(inputs=(parse_input("1x3x224x224"),), weights="random"))
    example = source.example()
    captured = trace(source.module, example).module
    context = Context(examples=(example,))
    modules = {}
    with exact_eager():
        for name in RECIPES:
            module = captured
            for step in passes_of(KNOWN[name], "android"):
                if not step.unfit(module, context):
                    module = step.apply(module, context, ())
            modules[name] = lite(module)
    clock = time.process_time if threads == 1 else time.perf_counter
    samples: dict[str, list[float]] = {name: [] for name in RECIPES}
    for round_index in range(WARM_UP + rounds):
        for name, run in modules.items():
            start = clock()
            run.run_method("forward", *example)
            if round_index >= WARM_UP:
                samples[name].append(1e3 * (clock() - start))
    return {name: summary(found) for name, found in samples.items()}


def lite(module: Any) -> Any:
    """Saves the module and loads it in the lite interpreter."""
    import io

    from torch.jit.mobile import _load_for_lite_interpreter

    return _load_for_lite_interpreter(io.BytesIO(module._save_to_buffer_for_lite_interpreter()))


def in_process(model: str, threads: int, rounds: int) -> dict[str, Any]:
    """Runs `measure` in a new process with the thread settings of the command line."""
    arguments = [sys.executable, "-W", "ignore", __file__, "--one", model, str(threads), "--rounds", str(rounds)]
    done = subprocess.run(arguments, stdout=subprocess.PIPE, check=False, env=os.environ | {"OMP_NUM_THREADS": "1"})
    if done.returncode:
        sys.exit(f"{model} failed with {done.returncode}; see above")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def print_table(title: str, results: dict[str, dict[str, Any]], figure: str) -> None:
    print(f"\n{title}: {figure} ms, and the speed-up over naive")
    print(f"  {'':<22}" + "".join(f"{name:>20}" for name in RECIPES))
    for model, found in results.items():
        cells = (f"{found[name][figure]:.2f} ({found['naive'][figure] / found[name][figure]:.2f}x)" for name in RECIPES)
        print(f"  {model:<22}" + "".join(f"{cell:>20}" for cell in cells))


def main() -> None:
    options_parser = parser(__doc__)
    options_parser.add_argument("models", nargs="*", default=list(MODELS), help="torchvision classifiers")
    options_parser.add_argument("--one", nargs=2, metavar=("MODEL", "THREADS"), help=argparse.SUPPRESS)
    options = options_parser.parse_args()
    rounds = options.rounds or 40
    if options.one:
        print(json.dumps(measure(options.one[0], int(options.one[1]), rounds)))
        return
    print_context()
    results = {
        title: {model: in_process(model, threads, rounds) for model in options.models}
        for title, threads in (("1 thread, CPU time", 1), ("default pool, wall time", 0))
    }
    if options.json:
        print_document(results)
        return
    for title, found in results.items():
        for figure in ("min", "median"):
            print_table(title, found, figure)


if __name__ == "__main__":
    main()
