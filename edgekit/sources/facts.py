"""What is known about a model apart from the model itself. All that later stages than capture take of the source."""

from dataclasses import dataclass, field

from edgekit.format.schema import WeightsInfo
from edgekit.sources.dynamic import Requested
from edgekit.sources.inputs import InputSpec
from edgekit.sources.methods import FORWARD


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFacts:
    """The name, where the model and its weights come from, the inputs of the method, and the names of the classes.

    `dynamic` are the sizes that the user asks for, by input and axis.
    """

    name: str
    source: str
    inputs: tuple[InputSpec, ...]
    weights: WeightsInfo
    labels: tuple[str, ...] = ()
    method: str = FORWARD
    dynamic: Requested = field(default_factory=dict)
