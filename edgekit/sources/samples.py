"""The arrays of the user as golden cases: a package stores their bytes, up to a limit."""

import logging
from collections.abc import Sequence

from edgekit.sources.inputs import InputSpec

SAMPLE_BYTES = 10**6  # of all arrays in the golden cases of a package

_log = logging.getLogger(__name__)


def sample_bytes(inputs: Sequence[InputSpec]) -> int:
    """The size of the arrays that the user gave."""
    return sum(spec.sample.nbytes for spec in inputs if spec.sample is not None)


def keeps_sample(name: str, inputs: Sequence[InputSpec], wanted: bool) -> bool:
    """Whether the arrays of the user become a golden case. If not, they are only a probe, which is reported."""
    size = sample_bytes(inputs)
    if not any(spec.sample is not None for spec in inputs):
        return False
    if not wanted:
        _log.warning("%s: the sample is a probe and not a golden case, as requested", name)
    elif size > SAMPLE_BYTES:
        _log.warning(
            "%s: the sample is a probe and not a golden case: it has %.1f MB, and a package stores at most %d MB",
            name,
            size / 1e6,
            SAMPLE_BYTES // 10**6,
        )
    return wanted and size <= SAMPLE_BYTES
