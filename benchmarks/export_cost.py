"""The cost of an export: start-up of the command line, and time and peak memory compared with the bare torch calls."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from common import Cost, interleaved, parser, report, summary

EDGEKIT = (sys.executable, "-m", "edgekit")
STARTUP_BOUND_S, TIME_BOUND, MEMORY_BOUND = 0.3, 3.0, 1.5

# The five lines of the tutorials.
NAIVE = """
import sys, torch, torchvision
from torch.utils.mobile_optimizer import optimize_for_mobile
model = torchvision.models.get_model(sys.argv[1], weights=None).eval()
traced = torch.jit.trace(model, torch.rand(1, 3, 224, 224))
optimize_for_mobile(traced)._save_for_lite_interpreter(sys.argv[2])
"""

# Capture, freeze, optimize, save and load by hand; nothing is released before the end. The fused transformer operators are off,
# because a vision transformer fails the tracer's own check with them.
BARE = """
import sys, torch, torchvision
from torch.jit.mobile import _load_for_lite_interpreter
from torch.utils.mobile_optimizer import optimize_for_mobile
torch.backends.mha.set_fastpath_enabled(False)
model = torchvision.models.get_model(sys.argv[1], weights=None).eval()
captured = torch.jit.trace(model, torch.rand(1, 3, 224, 224))
frozen = torch.jit.freeze(captured)
optimized = optimize_for_mobile(frozen)
optimized._save_for_lite_interpreter(sys.argv[2])
loaded = _load_for_lite_interpreter(sys.argv[2])
"""


def commands(model: str, by_hand: str, folder: Path) -> dict[str, Sequence[str]]:
    """An export and its equivalent by hand, which write different files."""
    return {
        "edgekit": (*EDGEKIT, "export", model, "--weights", "random", "-o", str(folder / f"{model}.ptl")),
        "by hand": (sys.executable, "-W", "ignore", "-c", by_hand, model, str(folder / f"{model}-by-hand.ptl")),
    }


def startup(package: Path, rounds: int) -> dict[str, Any]:
    verbs: dict[str, Sequence[str]] = {
        "edgekit --help": (*EDGEKIT, "--help"),
        "edgekit inspect": (*EDGEKIT, "inspect", str(package)),
    }
    costs = interleaved(verbs, rounds)
    return {name: {"wall_s": summary([cost.wall_s for cost in found])} for name, found in costs.items()}


def against(costs: dict[str, list[Cost]], figure: str) -> dict[str, Any]:
    """One figure of both, and their ratio by medians and by minima."""
    sides = {name: summary([getattr(cost, figure) for cost in found]) for name, found in costs.items()}
    ratios = {key: sides["edgekit"][key] / sides["by hand"][key] for key in ("median", "min")}
    return {figure: sides, "ratio": ratios}


def measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    rounds = options.rounds
    time_costs = interleaved(commands("resnet18", NAIVE, folder), rounds or 5)
    results: dict[str, Any] = {
        "export_time": {"resnet18": against(time_costs, "wall_s")},
        "export_cpu": {"resnet18": against(time_costs, "cpu_s")},
    }
    results["startup"] = startup(folder / "resnet18.ptl", rounds or 15)
    results["export_memory"] = {
        model: against(interleaved(commands(model, BARE, folder), rounds or 3), "peak_rss_bytes")
        for model in options.models
    }
    return results


def print_results(results: dict[str, Any]) -> None:
    print(f"{'start-up, s':<28}{'median':>9}{'min':>9}   bound {STARTUP_BOUND_S}")
    for name, found in results["startup"].items():
        print(f"  {name:<26}{found['wall_s']['median']:>9.3f}{found['wall_s']['min']:>9.3f}")
    for title, key, figure, unit, bound in (
        ("export against the naive lines, s", "export_time", "wall_s", 1.0, TIME_BOUND),
        ("the same in CPU time, s", "export_cpu", "cpu_s", 1.0, TIME_BOUND),
        ("peak memory against the bare path, MB", "export_memory", "peak_rss_bytes", 1e6, MEMORY_BOUND),
    ):
        print(f"\n{title:<42}{'edgekit':>9}{'by hand':>9}{'ratio':>8}{'of minima':>11}   bound {bound}")
        for model, found in results[key].items():
            ours, bare = (found[figure][side]["median"] / unit for side in ("edgekit", "by hand"))
            ratios = found["ratio"]
            print(f"  {model:<40}{ours:>9.4g}{bare:>9.4g}{ratios['median']:>8.2f}{ratios['min']:>11.2f}")


def main() -> None:
    options_parser = parser(__doc__)
    options_parser.add_argument(
        "--models",
        nargs="*",
        default=["resnet18", "resnet50", "vit_b_16"],
        help="the models whose peak memory is measured",
    )
    options = options_parser.parse_args()
    report(options, measure, print_results)


if __name__ == "__main__":
    main()
