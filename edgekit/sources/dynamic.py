"""The sizes that the user asks for: `x:2=1-320,x:3=32-320/32`."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgekit.errors import UsageError
from edgekit.format.axes import MAX_ELEMENTS, AxisRange
from edgekit.sources.inputs import InputSpec

Requested = Mapping[tuple[int, int], AxisRange]  # by input and axis

_PATTERN = re.compile(
    r"^(?:(?P<name>[^:=]+):)?(?P<axis>-?\d{1,3})=(?P<low>\d{1,10})(?:-|\.\.)(?P<high>\d{1,10})(?:/(?P<multiple>\d{1,10}))?$"
)
_HELP = "Expected [NAME:]AXIS=MIN-MAX[/MULTIPLE], for example x:2=1-320 or 2=32-320/32."


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamicAxis:
    """The sizes that an axis of an input must be able to take. The name is empty for the only input."""

    name: str
    axis: int
    min: int
    max: int
    multiple: int = 1

    def __str__(self) -> str:
        step = "" if self.multiple == 1 else f"/{self.multiple}"
        return f"{self.name + ':' if self.name else ''}{self.axis}={self.min}-{self.max}{step}"


def parse_dynamic(text: str) -> tuple[DynamicAxis, ...]:
    """Parses one `--dynamic`, a list with commas.

    Raises:
        UsageError: the text does not have the expected form.
    """
    return tuple(_parse_one(part.strip()) for part in text.split(","))


def as_dynamic(
    given: str | Sequence[str] | Mapping[str, Mapping[int, Sequence[int]]] | None,
) -> tuple[DynamicAxis, ...]:
    """The axes of the Python API: a text, several texts, or a dict such as `{"x": {2: (1, 320), 3: (32, 320, 32)}}`."""
    if given is None:
        return ()
    if isinstance(given, str):
        return parse_dynamic(given)
    if isinstance(given, Mapping):
        return tuple(_from_python(name, axis, sizes) for name, axes in given.items() for axis, sizes in _items(axes))
    return tuple(axis for text in given for axis in parse_dynamic(text))


def requested_sizes(dynamic: Sequence[DynamicAxis], inputs: Sequence[InputSpec]) -> Requested:
    """The ranges by the positions of the inputs and axes.

    Raises:
        UsageError: an input or axis does not exist or is given twice, or its range does not have the size of the example.
    """
    found: dict[tuple[int, int], AxisRange] = {}
    names = [spec.name for spec in inputs]
    for each in dynamic:
        if each.name not in names and (each.name or len(names) != 1):
            what = f"there is no input {each.name!r}" if each.name else f"there are {len(names)} inputs"
            raise UsageError(f"--dynamic {each}: {what}; give the name of an input ({', '.join(names)}). {_HELP}")
        index = names.index(each.name) if each.name else 0
        shape = inputs[index].shape
        if not -len(shape) <= each.axis < len(shape):
            raise UsageError(f"--dynamic {each}: {names[index]} has the axes 0 to {len(shape) - 1}. {_HELP}")
        place = (index, each.axis % len(shape))
        if place in found:
            raise UsageError(f"--dynamic {each}: axis {place[1]} of {names[index]} is given twice; give it once.")
        found[place] = _range(each, shape[place[1]])
    return found


def _range(each: DynamicAxis, size: int) -> AxisRange:
    if not 1 <= each.min <= each.max <= MAX_ELEMENTS or each.multiple < 1:
        raise UsageError(f"--dynamic {each}: expected 1 <= MIN <= MAX <= {MAX_ELEMENTS} and a MULTIPLE of at least 1.")
    if each.min % each.multiple or each.max % each.multiple:
        raise UsageError(f"--dynamic {each}: MIN and MAX are not multiples of {each.multiple}; expected multiples.")
    found = AxisRange(min=each.min, max=each.max, multiple=each.multiple)
    if size not in found:
        raise UsageError(
            f"--dynamic {each}: the size of the example is {size}; expected a size in the range. Change the range or --input."
        )
    return found


def _parse_one(text: str) -> DynamicAxis:
    match = _PATTERN.match(text)
    if match is None:
        raise UsageError(f"--dynamic {text[:80]} is malformed. {_HELP}")
    return DynamicAxis(
        name=match["name"] or "",
        axis=int(match["axis"]),
        min=int(match["low"]),
        max=int(match["high"]),
        multiple=int(match["multiple"] or 1),
    )


def _items(axes: Any) -> Sequence[tuple[int, Any]]:
    if not isinstance(axes, Mapping):
        raise UsageError(f"dynamic has a {type(axes).__name__}; expected a dict such as {{'x': {{2: (1, 320)}}}}.")
    return list(axes.items())


def _from_python(name: str, axis: Any, sizes: Any) -> DynamicAxis:
    numbers = [axis, *sizes] if isinstance(sizes, Sequence) and not isinstance(sizes, str) else []
    if len(numbers) not in (3, 4) or not all(type(number) is int for number in numbers):
        raise UsageError(
            f"dynamic has {axis!r}: {sizes!r} for {name}; expected AXIS: (MIN, MAX) or (MIN, MAX, MULTIPLE)."
        )
    return DynamicAxis(name=name, axis=axis, min=sizes[0], max=sizes[1], multiple=sizes[2] if len(sizes) == 3 else 1)
