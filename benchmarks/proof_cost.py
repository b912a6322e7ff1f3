"""The cost of the proof: an export against one capture and one optimization, random weights, one thread.

They are measured twice: `bare` without any check, and `naive` as people write them, with the check that torch.jit.trace makes by
default. The figures are CPU time, which other work on the machine disturbs least. The time of loading the model is left out.
Each model runs in a new process, and its measurements take turns.
"""

import argparse
import itertools
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from common import in_process, parser, print_context, print_document, summary

MODELS = ("resnet18", "mobilenet_v3_small", "swin_t")
PROOFS: tuple[Literal["quick", "full"], ...] = ("quick", "full")
SHAPE = "1x3x224x224"
BOUND = 3.0  # of the quick proof
STAGES = ("capture", "optimize", "package", "verify")


def measure(model: str, rounds: int) -> dict[str, Any]:
    """CPU seconds of the bare calls and of both proofs, by stage, in this process."""
    import torch
    from torch.utils.mobile_optimizer import optimize_for_mobile

    torch.set_num_threads(1)

    from edgekit.capture.hybrid import script_parts
    from edgekit.capture.script import script
    from edgekit.capture.trace import trace
    from edgekit.optimize.passes.base import Context, passes_of
    from edgekit.optimize.recipes import RECIPES
    from edgekit.parity.eager import exact_eager
    from edgekit.pipeline import export_source
    from edgekit.proving import ExportRequest
    from edgekit.sources.copies import detached_copy
    from edgekit.sources.inputs import parse_input
    from edgekit.sources.resolve import load_source
    from edgekit.sources.source import SourceModel, SourceRequest

    captures: dict[str, Callable[[SourceModel], torch.jit.ScriptModule]] = {
        "trace": lambda source: trace(detached_copy(source.module), source.example()).module,
        "script": lambda source: script(detached_copy(source.module)),
        "hybrid": lambda source: script_parts(detached_copy(source.module), source.example())[0],
    }

    def bare(source: SourceModel, mode: str) -> dict[str, float]:
        start = time.process_time()
        module = captures[mode](source)
        captured = time.process_time()
        context = Context(examples=(source.example(),))
        with exact_eager():
            for step in passes_of(RECIPES["mobile"], "android"):
                if not step.unfit(module, context):
                    module = step.apply(module, context, ())
        return {"capture": captured - start, "optimize": time.process_time() - captured}

    def naive(source: SourceModel, mode: str) -> dict[str, float]:
        model = detached_copy(source.module)
        start = time.process_time()
        module = torch.jit.trace(model, source.example()) if mode == "trace" else captures[mode](source)
        captured = time.process_time()
        with torch.no_grad():
            optimize_for_mobile(module)
        return {"capture": captured - start, "optimize": time.process_time() - captured}

    def proved(name: str, request: SourceRequest, options: ExportRequest) -> tuple[dict[str, float], str]:
        marks: list[tuple[str, float]] = []
        made = export_source(name, request, options, lambda stage: marks.append((stage, time.process_time())))
        marks.append(("", time.process_time()))
        spent = dict.fromkeys(STAGES, 0.0)
        for (stage, start), (_, end) in itertools.pairwise(marks):
            if stage in spent:
                spent[stage] += end - start
        return spent, made.manifest.capture.mode

    name, _, shape = model.partition("=")
    request = SourceRequest(inputs=(parse_input(shape or SHAPE),), weights="random")
    source, mode = load_source(name, request), "trace"
    found: dict[str, list[dict[str, float]]] = {"bare": [], "naive": [], "quick": [], "full": []}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            found["bare"].append(bare(source, mode))
            found["naive"].append(naive(source, mode))
            for proof in PROOFS:
                options = ExportRequest(output=Path(folder) / "o.ptl", proof=proof, allow_unproven=True)
                spent, chosen = proved(name, request, options)
                found[proof].append(spent)
            if chosen != mode:  # the proof chose another way of capture, so the bare calls use it too
                mode = chosen
                found["bare"][-1], found["naive"][-1] = bare(source, mode), naive(source, mode)
    totals = {key: summary([sum(each.values()) for each in samples]) for key, samples in found.items()}
    return {
        "mode": mode,
        "cpu_s": totals,
        "stages_s": {key: min(samples, key=lambda each: sum(each.values())) for key, samples in found.items()},
        "ratio": {proof: totals[proof]["min"] / totals["bare"]["min"] for proof in PROOFS},
        "ratio_to_naive": {proof: totals[proof]["min"] / totals["naive"]["min"] for proof in PROOFS},
    }


def main() -> None:
    options_parser = parser(__doc__)
    options_parser.add_argument(
        "--models", nargs="*", default=MODELS, help=f"torchvision names, or NAME=SHAPE for another shape than {SHAPE}"
    )
    options_parser.add_argument("--one", help=argparse.SUPPRESS)
    options = options_parser.parse_args()
    rounds = options.rounds or 3
    if options.one:
        print(json.dumps(measure(options.one, rounds)))
        return
    print_context()
    results = {model: in_process(__file__, model, rounds) for model in options.models}
    if options.json:
        print_document(results)
        return
    columns = ("bare", "naive", "quick", "full", "quick/bare", "quick/naive")
    print(f"  {'minimum CPU s':<30}{''.join(f'{column:>12}' for column in columns)}   bound {BOUND:g}")
    for model, found in results.items():
        figures = [found["cpu_s"][column]["min"] for column in columns[:4]]
        figures += [found["ratio"]["quick"], found["ratio_to_naive"]["quick"]]
        print(f"  {model:<30}{''.join(f'{figure:>12.2f}' for figure in figures)}")
        for proof in PROOFS:
            stages = ", ".join(f"{stage} {found['stages_s'][proof][stage]:.2f}" for stage in STAGES)
            print(f"    {proof}: {stages}")


if __name__ == "__main__":
    main()
