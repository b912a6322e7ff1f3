"""Recipes: ordered passes, each of which passes the parity gate or loses the part that fails.

The default is the fastest recipe that is right (docs/recipes.md): freeze, channels_last at the front, optimize_for_mobile.
"""

import itertools
import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from edgekit.capture.decide import CapturedModel
from edgekit.errors import OptimizeError, first_line
from edgekit.format.compare import Comparison
from edgekit.format.schema import PassResult, RecipeResult, Tolerance
from edgekit.optimize.passes.base import CHANNELS_LAST, FREEZE, OPTIMIZE_FOR_MOBILE, Context, Pass
from edgekit.optimize.passes.decompose_attention import DECOMPOSE_ATTENTION
from edgekit.parity.eager import Reference, compare, exact_eager, judges_rounding, rounding_bounds, worst

_MOST_LEFT_OUT = 2  # parts that the gate tries to leave out together before it drops the pass

_CODE_BYTES = 1 << 22

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    name: str
    passes: tuple[Pass, ...]


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(name="mobile", passes=(FREEZE, DECOMPOSE_ATTENTION, CHANNELS_LAST, OPTIMIZE_FOR_MOBILE)),
        Recipe(name="mobile-nchw", passes=(FREEZE, OPTIMIZE_FOR_MOBILE)),
        Recipe(name="frozen", passes=(FREEZE,)),
        Recipe(name="naive", passes=(OPTIMIZE_FOR_MOBILE,)),
        Recipe(name="none", passes=()),
    )
}
DEFAULT_RECIPE = "mobile"
FITS = ("android", "current")


def fitted(recipe: Recipe, fit: str) -> Recipe:
    """The recipe for `android`'s runtime of torch 1.12, or without what only older runtimes need for the `current` one."""
    if fit != "current":
        return recipe
    return replace(recipe, passes=tuple(step for step in recipe.passes if step is not DECOMPOSE_ATTENTION))


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizedModel:
    """`module` is for the lite interpreter; `server` is the frozen module, for optimize_for_inference after loading."""

    captured: CapturedModel
    module: torch.jit.ScriptModule
    server: torch.jit.ScriptModule
    recipe: RecipeResult

    @property
    def room_bytes(self) -> int:
        """More than torch will write for either module: twice the weights, and code."""
        graph: Any = self.server.graph
        nodes = [node for node in graph.findAllNodes("prim::Constant") if node.hasAttribute("value")]
        constants = [node.t("value") for node in nodes if node.kindOf("value") == "t"]
        weights = [*self.server.state_dict().values(), *self.captured.source.module.state_dict().values(), *constants]
        return _CODE_BYTES + 2 * sum(weight.nbytes for weight in weights if isinstance(weight, torch.Tensor))


def optimize(captured: CapturedModel, recipe: Recipe, tolerance: Tolerance) -> OptimizedModel:
    """Applies a recipe, pass by pass, each behind the parity gate."""
    context = _context(captured)
    references = tuple(r for r in captured.references if judges_rounding(r))
    module, server = captured.module, captured.module
    results = []
    for step in recipe.passes:
        module, result = apply_gated(step, module, context, references, tolerance)
        results.append(result)
        if step is FREEZE:
            server = module
    return OptimizedModel(
        captured=captured, module=module, server=server, recipe=RecipeResult(name=recipe.name, passes=tuple(results))
    )


def apply_gated(
    step: Pass, module: torch.jit.ScriptModule, context: Context, references: Sequence[Reference], tolerance: Tolerance
) -> tuple[torch.jit.ScriptModule, PassResult]:
    """Applies one pass and keeps as much of it as agrees with the eager model.

    Leaves out the smallest set of the pass's parts with which every reference agrees; drops the pass where none helps.
    """
    if unfit := step.fits(module, context):
        return module, PassResult(name=step.name, applied=False, note=unfit)
    broken = ""
    for left_out in _choices(step.parts):
        try:
            with exact_eager():
                candidate = step.apply(module, context, left_out)
        except Exception as error:  # torch raises RuntimeError, AttributeError and its internal asserts
            broken = broken or f"raises {type(error).__name__}: {first_line(error)}"
            continue
        comparisons = [worst(compare(r, candidate, rounding_bounds(r.probe, tolerance))) for r in references]
        found = worst(comparisons)
        if found.passed:
            if left_out:
                _log.warning("%s without %s, which broke parity: %s", step.name, ", ".join(left_out), broken)
            judged = [c for r, c in zip(references, comparisons, strict=True) if not r.probe.stress]
            return candidate, _result(step, left_out, judged, broken)
        broken = broken or _told(found)
    _log.warning("%s is left out, as it breaks parity: %s", step.name, broken)
    return module, PassResult(name=step.name, applied=False, left_out=step.parts, note=broken)


def _choices(parts: tuple[str, ...]) -> list[tuple[str, ...]]:
    """What to leave out: nothing, then each part, then pairs, then everything."""
    small = [choice for size in range(_MOST_LEFT_OUT + 1) for choice in itertools.combinations(parts, size)]
    return [*small, parts] if len(parts) > _MOST_LEFT_OUT else small


def _result(step: Pass, left_out: Collection[str], comparisons: Sequence[Comparison], broken: str) -> PassResult:
    return PassResult(
        name=step.name,
        applied=True,
        norm_error=rounded(max((c.norm_error or 0.0 for c in comparisons), default=0.0)),
        max_error=rounded(max((c.max_error or 0.0 for c in comparisons), default=0.0)),
        left_out=tuple(left_out),
        note=f"with it: {broken}" if broken else "",
    )


def rounded(error: float) -> float:
    """Three significant digits: what a reader can use, and the same in every run."""
    return float(f"{error:.3g}")


def _told(found: Comparison) -> str:
    error = "" if found.norm_error is None else f" {found.norm_error:.2g}"
    return f"output {found.output}: {found.reason}{error}, expected {found.expected}, got {found.actual}"


def _context(captured: CapturedModel) -> Context:
    if not captured.references:
        raise OptimizeError(f"{captured.source.name}: no probe agrees, so no pass can be judged.")
    first = captured.references[0]
    return Context(
        input_ranks=tuple(tensor.dim() for tensor in first.probe.inputs),
        output_ranks=tuple(value.ndim for value in first.outputs.values()),
        lone_output=first.structure == "*",
    )
