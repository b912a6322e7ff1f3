"""The arrays of the user as golden cases: a package stores their bytes, up to a limit."""

import logging
from collections.abc import Sequence

from edgekit.sources.inputs import InputSpec

SAMPLE_BYTES = 10**6  # of all arrays in the golden cases of a package

_log = logging.getLogger(__name__)


def sample_bytes(inputs: Sequence[InputSpec]) -> int:
    """The size of the arrays that the user gave."""
    return sum(spec.sample.nbytes for spec in inputs if spec.sample is not None)


def room_of_sample(name: str, inputs: Sequence[InputSpec], wanted: bool, methods: int) -> int:
    """The bytes of arrays of the user that the golden cases of a method may have; 0 if the arrays are only a probe.

    The methods of a package share the limit. Arrays that do not become a golden case are reported.
    """
    size, room = sample_bytes(inputs), SAMPLE_BYTES // methods
    if not any(spec.sample is not None for spec in inputs):
        return 0
    if not wanted:
        _log.warning("%s: the sample is a probe and not a golden case, as requested", name)
    elif size > room:
        _log.warning(
            "%s: the sample is a probe and not a golden case: it has %.1f MB, and a package stores at most %d MB%s",
            name,
            size / 1e6,
            SAMPLE_BYTES // 10**6,
            f" for {methods} methods" if methods > 1 else "",
        )
    return room if wanted and size <= room else 0
