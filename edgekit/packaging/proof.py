"""What the answers of a captured model prove about each output: `proof` in the manifest."""

import logging
from collections.abc import Sequence

import numpy as np

from edgekit.capture.captured import CapturedModel
from edgekit.capture.constants import constant_outputs
from edgekit.errors import ParityError
from edgekit.format.golden import GoldenCase
from edgekit.format.schema import Evidence, Manifest, Tolerance
from edgekit.parity.spread import LEAST, in_bounds, spreads

_log = logging.getLogger(__name__)


def output_proofs(captured: CapturedModel, tolerance: Tolerance) -> dict[str, Evidence]:
    """What is proved about each output of a captured model."""
    constants = constant_outputs(captured.module)
    found: dict[str, Evidence] = {}
    for name, spread in spreads(captured.references, tolerance).items():
        constant = spread == 0.0 and (constants is None or name in constants)
        found[name] = "constant" if constant else "varies" if spread >= LEAST else "unproven"
    return found


def check_proven(captured: CapturedModel, tolerance: Tolerance) -> None:
    """Refuses a model with an output that hardly differs between the probes.

    Raises:
        ParityError: there is such an output.
    """
    spread = spreads(captured.references, tolerance)
    for name, proof in output_proofs(captured, tolerance).items():
        if proof == "unproven":
            source, first = captured.source, captured.references[0]
            bound = first.bounds(name, tolerance).max
            raise ParityError(
                f"{source.source}: output {name} of {source.method} is UNPROVEN: its answers differ by {spread[name]:.2g} bounds "
                f"(of {bound:.2g}) between the probes, expected at least {LEAST:g}. A wrong model could give the same answers. "
                "Pass a wider range with --input SHAPE:DTYPE[LOW,HIGH] or a real sample (.npy), or accept it with "
                "--allow-unproven. Nothing was written."
            )


def check_manifest(manifest: Manifest, allowed: bool) -> None:
    """What is known only at the end: the outputs of predict, and the bounds that the last measured noise widened.

    Raises:
        ParityError: an output is unproven, and that is not allowed.
    """
    if not manifest.unproven:
        return
    names = ", ".join(manifest.unproven)
    if not allowed:
        raise ParityError(
            f"{manifest.name}: {names} is UNPROVEN: the golden cases give almost the same answers, so a wrong model could give "
            "them too. Pass a wider range or a real sample with --input, or accept it with --allow-unproven. Nothing was written."
        )
    _log.warning("%s: %s is UNPROVEN: a wrong model could give the same answers", manifest.name, names)


def predict_proof(cases: Sequence[GoldenCase]) -> Evidence:
    """What the pictures prove about the scores and their order, which come from the same row of `forward`."""
    first, *others = cases
    return "varies" if any(_differ(first, other) for other in others) else "unproven"


def _differ(first: GoldenCase, other: GoldenCase) -> bool:
    (scores, order), (other_scores, other_order) = first.outputs, other.outputs
    ranks = min(len(order.values), len(other_order.values))
    if order.values[:ranks] != other_order.values[:ranks]:
        return True
    a, b = (np.asarray(output.values, dtype=np.float64) for output in (scores, other_scores))
    bound = max(case.tolerance.max if case.tolerance is not None else Tolerance().max for case in (first, other))
    return in_bounds(float(np.abs(a - b).max()), bound * float(np.abs(a).max())) >= LEAST
