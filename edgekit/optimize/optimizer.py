"""Applies a recipe. After each pass, the parity gate keeps the result, leaves out parts of the pass, or drops it."""

import itertools
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from edgekit.capture.captured import CapturedModel
from edgekit.errors import OptimizeError, first_line
from edgekit.format.schema import PassResult, Proof, RecipeResult, Tolerance
from edgekit.optimize.passes.base import Context, Pass
from edgekit.optimize.sharing import SharedConstants
from edgekit.parity.comparison import Reference
from edgekit.parity.eager import exact_eager, unspecialized
from edgekit.parity.gate import judge_optimized, sharpest

_MOST_LEFT_OUT = 2  # the gate leaves out at most this many parts together before it leaves out all
_CODE_BYTES = 1 << 22

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizedModel:
    """`module` is for the lite interpreter. `server` is the frozen module; optimize_for_inference runs after it is loaded."""

    captured: CapturedModel
    module: torch.jit.ScriptModule
    server: torch.jit.ScriptModule
    recipe: RecipeResult
    proof: Proof
    lost: str = ""  # the first essential pass that the gate dropped, and why

    @property
    def room_bytes(self) -> int:
        """An upper bound of what torch writes for either module: twice the weights, plus room for the code."""
        graph: Any = self.server.graph
        nodes = [node for node in graph.findAllNodes("prim::Constant") if node.hasAttribute("value")]
        constants = [node.t("value") for node in nodes if node.kindOf("value") == "t"]
        weights = [*self.server.state_dict().values(), *constants]
        tensors = [weight for weight in weights if isinstance(weight, torch.Tensor)]
        weight_bytes = sum(weight.numel() * weight.element_size() for weight in tensors)
        return _CODE_BYTES + 2 * (weight_bytes + self.captured.parameters.size_bytes)


def optimize(
    captured: CapturedModel,
    recipe: str,
    passes: Sequence[Pass],
    tolerance: Tolerance,
    shared: SharedConstants | None = None,
    proof: Proof = "full",
) -> OptimizedModel:
    """Applies the passes of a recipe in order. The parity gate judges each pass. All probes judge the saved file.

    Args:
        captured: the model.
        recipe: the name of the recipe.
        passes: its passes.
        tolerance: the bounds of the gate.
        shared: the constants of the other methods of the package, if it has any.
        proof: `quick` judges each pass on the sharpest probes alone, `full` on all.
    """
    context = _context(captured)
    references = captured.references if proof == "full" else sharpest(captured.references)
    module, server = captured.module, captured.module
    results, lost = [], ""
    for step in passes:
        module, result = apply_gated(step, module, context, references, tolerance)
        if shared is not None and result.applied and step.essential:
            module = shared.replaced(module)
        results.append(result)
        if step.essential and not result.applied and not lost:
            lost = f"{step.name}: {result.note}"
        if step.for_server:
            server = module
    return OptimizedModel(
        captured=captured,
        module=module,
        server=server,
        recipe=RecipeResult(name=recipe, passes=tuple(results)),
        proof=proof,
        lost=lost,
    )


def apply_gated(
    step: Pass, module: torch.jit.ScriptModule, context: Context, references: Sequence[Reference], tolerance: Tolerance
) -> tuple[torch.jit.ScriptModule, PassResult]:
    """Applies one pass, and keeps as much of it as agrees with the eager model.

    If the whole pass breaks parity, it leaves out the smallest set of parts that restores it. If none does, it drops the pass.
    """
    with exact_eager(), unspecialized():
        why = step.unfit(module, context)
    if why:
        return module, PassResult(name=step.name, applied=False, note=why)
    broken = departure = ""
    for left_out in _choices(step.parts):
        try:
            with exact_eager():
                candidate = step.apply(module, context, left_out)
        except Exception as error:  # torch raises RuntimeError, AttributeError, and internal assertion errors
            broken = broken or f"raises {type(error).__name__}: {first_line(error)}"
            continue
        with unspecialized():
            judged = judge_optimized(candidate, references, tolerance, to_the_end=False)
        if judged.passed:
            if left_out:
                left = ", ".join(left_out)
                _log.warning("applied %s without %s, which broke parity: %s%s", step.name, left, broken, departure)
            return candidate, PassResult(
                name=step.name,
                applied=True,
                norm_error=judged.norm_error,
                max_error=judged.max_error,
                left_out=left_out,
                note=f"with it: {broken}" if broken else "",
            )
        if not broken:
            broken, departure = judged.failure, judged.departure(candidate)
    _log.warning("skipped %s, which breaks parity: %s%s", step.name, broken, departure)
    return module, PassResult(name=step.name, applied=False, left_out=step.parts, note=broken)


def _choices(parts: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The sets of parts to leave out, in order: none, each part, each pair, all."""
    small = [choice for size in range(_MOST_LEFT_OUT + 1) for choice in itertools.combinations(parts, size)]
    return [*small, parts] if len(parts) > _MOST_LEFT_OUT else small


def _context(captured: CapturedModel) -> Context:
    if not captured.references:
        raise OptimizeError(
            f"{captured.source.name}: the captured model agrees with the eager model on no probe, so no pass can be judged. "
            "Export it without --allow-mismatch, and fix the mismatch that is reported."
        )
    examples = tuple(reference.probe.inputs for reference in captured.references)
    return Context(examples=examples, other_sizes=bool(captured.ranges))
