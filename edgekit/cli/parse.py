"""Option values that need parsing."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.errors import UsageError
from edgekit.format.schema import ImageSpec, Tolerance

if TYPE_CHECKING:
    from edgekit.sources.inputs import InputSpec

_MOST_PIXELS = 2**12  # of a side that a network takes
_IMAGE_HELP = "Expected resize=N,crop=N,mean=A[/B/C],std=A[/B/C][,channels=1|3][,interpolation=bilinear|bicubic]."


def image_spec(text: str) -> ImageSpec:
    """Parses `--image`.

    Raises:
        UsageError: it does not have the form in `_IMAGE_HELP`.
    """
    fields = dict(part.partition("=")[::2] for part in text.split(","))
    if unknown := sorted(fields.keys() - {"resize", "crop", "mean", "std", "channels", "interpolation"}):
        raise UsageError(f"--image {text}: unknown field {unknown[0]!r}. {_IMAGE_HELP}")
    try:
        channels = int(fields.get("channels", "3"))
        spec = ImageSpec(
            resize=int(fields["resize"]),
            crop=int(fields["crop"]),
            mean=_numbers(fields["mean"], channels),
            std=_numbers(fields["std"], channels),
            channels=channels,
            interpolation=fields.get("interpolation", "bilinear"),
        )
    except KeyError as error:
        raise UsageError(f"--image {text}: {error.args[0]} is missing. {_IMAGE_HELP}") from error
    except ValueError as error:
        raise UsageError(f"--image {text}: {error}. {_IMAGE_HELP}") from error
    sizes_fit = 0 < spec.resize <= _MOST_PIXELS and 0 < spec.crop <= _MOST_PIXELS and channels in (1, 3)
    numbers_fit = all(map(math.isfinite, spec.mean + spec.std)) and min(spec.std) > 0.0
    if not (sizes_fit and numbers_fit) or spec.interpolation not in ("bilinear", "bicubic"):
        raise UsageError(f"--image {text}: a value is out of range. {_IMAGE_HELP}")
    return spec


def _numbers(text: str, count: int) -> tuple[float, ...]:
    numbers = tuple(float(part) for part in text.split("/"))
    if len(numbers) == 1:
        return numbers * count
    if len(numbers) != count:
        raise ValueError(f"{text} has {len(numbers)} numbers for {count} channels")
    return numbers


def labels_file(path: Path) -> tuple[str, ...]:
    """The lines of a text file.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        return tuple(path.read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--labels {path} cannot be read as UTF-8 text: {error}.") from error


def tolerance(value: float | None) -> Tolerance:
    """`--tolerance`, or the default.

    Raises:
        UsageError: not a number of at least 0.
    """
    try:
        return Tolerance() if value is None else Tolerance(norm=value, max=value)
    except ValueError as error:
        raise UsageError(f"--tolerance {value:g}: expected a number of at least 0, for example 1e-4.") from error


def seed(text: str) -> int:
    """The type of `--seed`."""
    number = int(text)
    if not 0 <= number < 2**32:
        raise ValueError
    return number


def bound_values(texts: Sequence[str]) -> dict[str, Any]:
    """Parses every `--bind`: NAME=VALUE, where the value is JSON, or else the text itself.

    Raises:
        UsageError: a text is not of that form.
    """
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier():
            raise UsageError(f"--bind {text}: expected NAME=VALUE, for example use_cache=false.")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


def method_inputs(texts: Sequence[str]) -> dict[str, tuple["InputSpec", ...]]:
    """Parses every `--method`: NAME:SPEC, one for each input of a method, or NAME for a method without inputs.

    Raises:
        UsageError: a text is not of that form.
    """
    from edgekit.sources.inputs import parse_input

    found: dict[str, tuple[InputSpec, ...]] = {}
    for text in texts:
        name, colon, spec = text.partition(":")
        if not name.isidentifier() or (colon and not spec):
            raise UsageError(
                f"--method {text}: expected NAME:SPEC, for example encode:1x8 or decode:z=1x3, and one for each input of the "
                "method; or NAME alone for a method without inputs."
            )
        found[name] = (*found.get(name, ()), *([parse_input(spec)] if colon else ()))
    return found
