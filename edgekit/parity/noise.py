"""The noise of float32: how far rounding alone moves the eager model's answer to a probe.

The answer is compared with the answer in float64, and with answers for which the result of every operator is nudged in its last
bits. An element that jumps, such as a label of an argmax map, is undecided if nudges of several times the noise change it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from torch import nn

from edgekit.format.compare import Array, compare_elements
from edgekit.format.schema import NOISE_CAP, Tolerance
from edgekit.parity.kernels import LAST_BIT, InFloat64, Nudged, other_answer
from edgekit.parity.probes import Probe

FACTOR = 4.0  # a bound is at least this many times the noise
MOST_UNDECIDED = 1e-3  # of the elements of an output
_MARGIN = 8.0  # last bits; other devices may round an element on the edge otherwise
_OTHERS = (11, 12, 13)  # seeds of more nudges, for constant inputs: there, the errors of single sums do not average out
LOUD = 1.25e-6  # more noise than most models have
SURE = 20.0  # bounds; rounding does not swap two scores, or decide a step, that far away

_BEYOND_NUDGE = 64.0  # float64 may differ more by design, for example in the smallest number of its type
_OTHER_ANSWER = 1.0  # the noise if a nudge gives another shape, or NaN
_STEPS, _SEEN = 257, 1 << 14  # a large output with fewer different values among the first ones is made by a step
_LOOSE = Tolerance(norm=1e300, max=1e300, absolute=1e300)

Mask = npt.NDArray[np.bool_]
Answer = Mapping[str, Array]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputNoise:
    """The errors that rounding alone gives for an output. `undecided` marks elements of the flat output; None if all are sure."""

    norm: float = 0.0
    max: float = 0.0
    undecided: Mask | None = None

    def widened(self, tolerance: Tolerance) -> Tolerance:
        """The given bounds, or a few times the noise where that is larger."""
        norm, largest = max(tolerance.norm, FACTOR * self.norm), max(tolerance.max, FACTOR * self.max)
        return replace(tolerance, norm=norm, max=largest)

    def chaotic(self, tolerance: Tolerance) -> bool:
        """Whether the bounds would be so wide that a wrong model could pass."""
        wide = self.widened(tolerance)
        return wide.norm > max(NOISE_CAP, tolerance.norm) or wide.max > max(NOISE_CAP, tolerance.max)


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """The noise of each output of a probe."""

    outputs: Mapping[str, OutputNoise]

    @property
    def largest(self) -> float:
        return max((max(noise.norm, noise.max) for noise in self.outputs.values()), default=0.0)

    @property
    def undecided(self) -> bool:
        """Whether some element is undecided."""
        return any(noise.undecided is not None for noise in self.outputs.values())

    def chaotic(self, tolerance: Tolerance) -> bool:
        """Whether the model is chaotic in some output."""
        return any(noise.chaotic(tolerance) for noise in self.outputs.values())


class NoiseMeter:
    """Measures the noise of a model's answers, each when it is first needed, and keeps it."""

    def __init__(self, measuring: Callable[[Probe, Answer], Noise]) -> None:
        self._measuring = measuring
        self.found: dict[str, Noise] = {}  # by the name of the probe

    @property
    def loud(self) -> bool:
        """Whether an answer had more noise than those of most models, or undecided elements."""
        return any(noise.largest > LOUD or noise.undecided for noise in self.found.values())

    def measured(self, probe: Probe) -> Noise | None:
        """The noise on a probe, if it was measured."""
        return self.found.get(probe.name)

    def measure(self, probe: Probe, answer: Answer) -> Noise:
        if probe.name not in self.found:
            self.found[probe.name] = self._measuring(probe, answer)
        return self.found[probe.name]


def measure(module: nn.Module, probe: Probe, answer: Answer, in_float64: InFloat64 | None = None) -> Noise:
    """Measures the noise of an eager model's answer to a probe. `in_float64` keeps its copy of the model between calls."""
    nudged = other_answer(module, probe, Nudged(1.0, 0))
    if not _same_form(answer, nudged):  # rounding decides, which more runs would not change
        return Noise(
            outputs={name: _output_noise(value, [_part(nudged, name)], [], None) for name, value in answer.items()}
        )
    others = [other_answer(module, probe, Nudged(1.0, seed)) for seed in _OTHERS] if probe.stress else []
    exact = other_answer(module, probe, in_float64 or InFloat64())
    margins: list[Answer | None] = []
    if any(_steps(value, other.get(name)) for other in (nudged, exact) if other for name, value in answer.items()):
        # Opposite nudges: an element near an edge crosses it in one of the two.
        for scale, seed in ((_MARGIN, 1), (-_MARGIN, 1), (_MARGIN, 2), (-_MARGIN, 2)):
            if not all(_same_form(answer, other) for other in (nudged, *margins)):
                break  # the model is chaotic on this probe
            margins.append(other_answer(module, probe, Nudged(scale, seed)))
    return Noise(
        outputs={
            name: _output_noise(
                value,
                [_part(other, name) for other in (nudged, *others)],
                [_part(other, name) for other in margins],
                _part(exact, name),
            )
            for name, value in answer.items()
        }
    )


def _part(answer: Answer | None, name: str) -> Array | None:
    return None if answer is None else answer.get(name)


def _same_form(answer: Answer, other: Answer | None) -> bool:
    """Whether another answer has the shapes and the kinds of numbers of the first one."""
    return other is not None and all(
        name in other and (other[name].shape, other[name].dtype.kind) == (value.shape, value.dtype.kind)
        for name, value in answer.items()
    )


def _steps(value: Array, other: Array | None) -> bool:
    """Whether some elements of an output are the result of a step: whole numbers, few values, or a jump."""
    if value.dtype.kind != "f" or (
        other is not None and other.shape == value.shape and bool(_jumped(value, other).any())
    ):
        return True
    return value.size >= 1 / MOST_UNDECIDED and np.unique(value.reshape(-1)[:_SEEN]).size < _STEPS


def _output_noise(
    value: Array, nudged: Sequence[Array | None], margins: Sequence[Array | None], exact: Array | None
) -> OutputNoise:
    jumped = np.zeros(value.size, dtype=bool)
    for other in (*nudged, *margins):
        if other is None or other.shape != value.shape or other.dtype.kind != value.dtype.kind:
            return OutputNoise(norm=_OTHER_ANSWER, max=_OTHER_ANSWER)
        jumped |= _jumped(value, other)
    if exact is not None and (exact.shape != value.shape or exact.dtype.kind != value.dtype.kind):
        exact = None
    if exact is not None:
        also = _jumped(value, exact)
        jumped |= also if also.sum() <= _BEYOND_NUDGE * max(1, jumped.sum()) else False
    too_many = jumped.sum() > MOST_UNDECIDED * value.size
    undecided = None if too_many or not jumped.any() else jumped
    if value.dtype.kind != "f":
        return OutputNoise(norm=_OTHER_ANSWER, max=_OTHER_ANSWER) if too_many else OutputNoise(undecided=undecided)
    errors = [_errors(value, other, undecided) for other in nudged]
    norm, largest = (max(found) for found in zip(*errors, strict=True))
    if exact is not None:
        most = _BEYOND_NUDGE * max(norm, largest, LAST_BIT)
        norm, largest = (
            max(a, min(b, most)) for a, b in zip((norm, largest), _errors(value, exact, undecided), strict=True)
        )
    return OutputNoise(norm=norm, max=largest, undecided=undecided)


def _errors(value: Array, other: Array | None, undecided: Mask | None) -> tuple[float, float]:
    assert other is not None  # the caller returned before
    with np.errstate(over="ignore"):  # a number of float64 may be infinite in float32
        same = other.astype(value.dtype)
    found = compare_elements("", value, same, undecided, _LOOSE)
    if found.norm_error is None or found.max_error is None:  # NaN or infinity on one side
        return _OTHER_ANSWER, _OTHER_ANSWER
    return found.norm_error, found.max_error


def _jumped(value: Array, other: Array) -> Mask:
    """The elements that differ by more than any bound allows, flat."""
    a, b = value.reshape(-1), other.reshape(-1)
    if value.dtype.kind != "f":
        return np.asarray(a != b)
    x, y = a.astype(np.float64), b.astype(np.float64)
    scale = float(np.abs(x[np.isfinite(x)]).max(initial=0.0))
    with np.errstate(invalid="ignore"):
        near = np.abs(x - y) <= NOISE_CAP / FACTOR * scale
    return np.asarray(~(near | (x == y) | (np.isnan(x) & np.isnan(y))))
