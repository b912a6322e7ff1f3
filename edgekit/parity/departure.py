"""Bisects: the first operator of an eager model whose result another module does not give.

Values are compared, not names: captures, passes and runtimes rename, fuse and fold operators. An operator of the eager model is
right if the other module has a value equal to its result, or if a later result that depends on it is right.
"""

from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch

from edgekit.errors import DeviceError
from edgekit.format.compare import Comparison
from edgekit.format.schema import Tolerance
from edgekit.parity.comparison import Reference, describe
from edgekit.parity.values import compared, error_of, form_of, kind_of, near, norm_of, varies
from edgekit.recording import Recording, Step, Value

_FUSED = 8  # operators that one of the other module may compute together
_CLEARLY = 0.5  # a later operator is meant if its error is smaller by this factor


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """An input of an operator. `low`, `high` and `mean` are those of the elements that are not NaN; None without any.

    Each of them is a word if it is infinite.
    """

    dtype: str
    shape: tuple[int, ...]
    low: float | str | None
    high: float | str | None
    mean: float | str | None
    nan: int

    def __str__(self) -> str:
        named = (("min", self.low), ("max", self.high), ("mean", self.mean))
        numbers = [f"{name} {float(value):.4g}" for name, value in named if value is not None]
        return f"{self.dtype} {list(self.shape)}: {', '.join(numbers) or 'no numbers'}, {self.nan} NaN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """The first operator whose result departs. `module`, `layer` and `line` are empty where they are not known.

    `other` is the operator of the other module that gives the wrong value, and `error` says how wrong; both are empty if there is
    no value to compare with. `until` is the last operator of the eager model that `other` computes together with the first one.
    """

    module: str
    layer: str
    operator: str
    line: str
    inputs: tuple[Statistics, ...]
    error: str = ""
    other: str = ""
    until: str = ""

    def __str__(self) -> str:
        place = _place(self.module, self.layer, self.operator, self.line)
        alone = self.error or "no other result can be compared with it"
        error = f"{self.error} from {self.other}" if self.other else alone
        fused = f"\n  {self.other} computes all up to {self.until}" if self.until else ""
        inputs = "".join(f"\n  input {found}" for found in self.inputs)
        return f"first departure from eager: {place}\n  {error}{fused}{inputs}"


def find_departure(eager: Recording, other: Recording, bounds: Tolerance) -> Departure | None:
    """The first operator of the eager model whose result the other module does not give; None if it gives the answers.

    Args:
        eager: a run of the eager model.
        other: a run of the other module on the same inputs.
        bounds: how far results may differ.
    """
    mine, theirs = _Run(eager, bounds), _Run(other, bounds)
    right = mine.right(theirs)
    if right.issuperset(eager.answers) and not other.error and eager.answers:
        return _wrong_result(eager, other, bounds)
    wrong = [step for step in mine.leading if step not in right]
    first = next((step for step in wrong if step in mine.moving), wrong[0] if wrong else None)
    if first is None:
        return None
    found, last = mine.counterpart(mine.chain(first, set(wrong)), theirs)
    comparison, operator = found if found else (None, "")
    end = eager.steps[last]
    return _departure(
        eager.steps,
        first,
        mine.moving,
        error=_described(comparison, bounds) if comparison else other.error,
        other=operator,
        until="" if last == first else _place(end.module, end.layer, end.operator, end.line),
    )


def _wrong_result(eager: Recording, other: Recording, bounds: Tolerance) -> Departure | None:
    """The operator whose result is an output, where the other module has that result but gives another one in its place."""
    if len(eager.results) != len(other.results):
        return None  # the structures differ, which the comparison of the outputs says
    for (first, mine), (last, theirs) in zip(eager.results, other.results, strict=True):
        same = kind_of(mine) == kind_of(theirs)
        comparison = compared(mine, theirs, bounds) if same else None
        if comparison is not None and comparison.passed:
            continue
        error = _described(comparison, bounds) if comparison else f"{form_of(theirs)}, expected {form_of(mine)}"
        operator = other.steps[last].operator if last >= 0 else ""
        moving = _Run(eager, bounds).moving
        return _departure(eager.steps, first, moving, error=error, other=operator or "an input of the module")
    return None


def _departure(
    steps: Sequence[Step], first: int, moving: Container[int], *, error: str, other: str, until: str = ""
) -> Departure:
    step = steps[first]
    uses = [use for use in step.uses if use[0] in moving] or step.uses
    return Departure(
        module=step.module,
        layer=step.layer,
        operator=step.operator,
        line=step.line,
        inputs=tuple(_statistics(steps[made].outputs[index]) for made, index in uses),
        error=error,
        other=other,
        until=until,
    )


def departure_note(
    reference: Reference, record: Callable[[tuple[torch.Tensor, ...]], Recording], tolerance: Tolerance
) -> str:
    """Where a module departs from eager on a probe, as lines that follow a message; empty if that is not known.

    Args:
        reference: the answer to the probe.
        record: runs the module and records it.
        tolerance: the bounds of the answer, which the noise of the probe widens.
    """
    if reference.recorder is None:
        return ""
    all_bounds = [reference.bounds(name, tolerance) for name in reference.outputs]
    widest = max(all_bounds, key=lambda bounds: bounds.norm, default=tolerance)
    try:
        found = find_departure(reference.recorder(reference.probe), record(reference.probe.inputs), widest)
    except DeviceError:  # it cannot be recorded
        return ""
    return "" if found is None else f"\n{found}"


class _Run:
    """A recording, and what follows from its steps."""

    def __init__(self, recording: Recording, bounds: Tolerance) -> None:
        self._steps, self._answers, self._bounds = recording.steps, recording.answers, bounds

    @cached_property
    def leading(self) -> list[int]:
        """The steps on which the answers depend; all of them if no answer is known."""
        if not self._answers:
            return [index for index, step in enumerate(self._steps) if step.operator]
        found, left = set[int](), list(self._answers)
        while left:
            step = left.pop()
            if step not in found:
                found.add(step)
                left += [made for made, _ in self._steps[step].uses]
        return sorted(step for step in found if self._steps[step].operator)

    @cached_property
    def moving(self) -> set[int]:
        """The steps that depend on the inputs."""
        found: set[int] = set()
        for index, step in enumerate(self._steps):
            if not step.operator or any(made in found for made, _ in step.uses):
                found.add(index)
        return found

    @cached_property
    def _values(self) -> dict[tuple[object, ...], list[tuple[float, Value]]]:
        found: dict[tuple[object, ...], list[tuple[float, Value]]] = {}
        for step in self._steps:
            for value in step.outputs:
                found.setdefault(kind_of(value), []).append((norm_of(value), value))
        return found

    def has(self, value: Value) -> bool:
        """Whether one of the values equals this one."""
        norm = norm_of(value)
        return any(
            near(norm, other, value.elements.size, self._bounds) and compared(value, found, self._bounds).passed
            for other, found in self._values.get(kind_of(value), ())
        )

    def right(self, other: "_Run") -> set[int]:
        """The steps whose result the other run has, and those on which such a result depends."""
        right = set[int]()
        proves = set[int]()  # not with a result that is one number everywhere, which wrong inputs may give too
        users: dict[int, set[int]] = {}
        used: dict[int, set[int]] = {}
        for index, step in enumerate(self._steps):
            for made, output in step.uses:
                users.setdefault(made, set()).add(index)
                used.setdefault(made, set()).add(output)
        for index in reversed(range(len(self._steps))):
            outputs = enumerate(self._steps[index].outputs)
            values = [v for place, v in outputs if v.elements.size and place in used.get(index, {place})]
            proved = not proves.isdisjoint(users.get(index, ()))
            equal = bool(values) and all(map(other.has, values))
            if equal or proved:
                right.add(index)
            if proved or (equal and any(map(varies, values))):
                proves.add(index)
        return right

    def chain(self, first: int, wrong: Iterable[int]) -> list[int]:
        """A wrong step, and some of those that follow from it."""
        found = [first]
        for step in sorted(wrong):
            if step > first and len(found) <= _FUSED and any(made in found for made, _ in self._steps[step].uses):
                found.append(step)
        return found

    def counterpart(self, chain: Sequence[int], other: "_Run") -> tuple[tuple[Comparison, str] | None, int]:
        """The first wrong value of the other run that may be one of a chain, its operator, and the step of the chain."""
        right = other.right(self)
        for index in other.leading:
            step = other._steps[index]
            if index in right or index not in other.moving or not step.outputs:
                continue
            found = {
                mine: compared(self._steps[mine].outputs[0], step.outputs[0], self._bounds)
                for mine in chain
                if self._steps[mine].outputs and kind_of(self._steps[mine].outputs[0]) == kind_of(step.outputs[0])
            }
            if found:
                least = min(map(error_of, found.values()))
                meant = next(mine for mine in found if _CLEARLY * error_of(found[mine]) <= least)
                return (found[meant], step.operator), meant
        return None, chain[0]


def _place(module: str, layer: str, operator: str, line: str) -> str:
    """A place in the eager model, for people."""
    where = f"{module} ({layer}), " if module else f"{layer}, " if layer else ""
    return f"{where}{operator}{f' at {line}' if line else ''}"


def _described(comparison: Comparison, bounds: Tolerance) -> str:
    """The error against its bound, and the worst element."""
    worst = f" at {list(comparison.worst_index)}" if comparison.worst_index else ""
    short = replace(comparison, expected=_short(comparison.expected), actual=_short(comparison.actual))
    return describe(short, bounds).partition(": ")[2].replace(" (see --tolerance)", "") + worst


def _short(value: float | str | None) -> float | str | None:
    """A number with six digits."""
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _statistics(value: Value) -> Statistics:
    numbers = value.elements.astype(np.float64)
    numbers = numbers[~np.isnan(numbers)]
    low: float | str | None = None
    high: float | str | None = None
    mean: float | str | None = None
    if numbers.size:
        with np.errstate(invalid="ignore"):  # the mean of both infinities
            low, high, mean = (_word(float(f)) for f in (numbers.min(), numbers.max(), numbers.mean()))
    return Statistics(
        dtype=str(value.elements.dtype),
        shape=value.shape,
        low=low,
        high=high,
        mean=mean,
        nan=value.elements.size - numbers.size,
    )


def _word(number: float) -> float | str:
    """A number as JSON has it."""
    return number if np.isfinite(number) else str(number)
