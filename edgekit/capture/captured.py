"""The cut: what capture hands on. Optimizing, packaging and verifying take nothing else of the model."""

from dataclasses import dataclass, replace

import torch

from edgekit.capture.parameters import Parameters
from edgekit.capture.pictures import Picture
from edgekit.format.schema import CaptureEvidence, Versions
from edgekit.parity.comparison import Reference
from edgekit.parity.ranges import Ranges, inside
from edgekit.parity.ranking import Ranking
from edgekit.sources.facts import SourceFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturedModel:
    """A ScriptModule that agrees with the eager model on `references`. `ranges` are the sizes that were proved.

    It also agrees on `sizes`, at the ends of the ranges and inside them. They judge the saved file too, but not each pass.
    `ranking` is what `predict` ranks, for an image classifier, and `pictures` are the eager model's answers for it.
    `parameters` name the constants of the package. `versions` are those of the packages that captured the model.
    """

    source: SourceFacts
    module: torch.jit.ScriptModule
    references: tuple[Reference, ...]
    sizes: tuple[Reference, ...]
    ranges: Ranges
    evidence: CaptureEvidence
    parameters: Parameters
    versions: Versions
    ranking: Ranking | None = None
    pictures: tuple[Picture, ...] = ()


def limited(captured: CapturedModel, ranges: Ranges) -> CapturedModel:
    """The captured model with other ranges of sizes, and the probes that lie inside them."""
    return replace(
        captured,
        references=tuple(r for r in captured.references if inside(ranges, r.probe)),
        sizes=tuple(r for r in captured.sizes if inside(ranges, r.probe)),
        ranges=ranges,
    )
