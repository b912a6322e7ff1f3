"""Option values that need parsing."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.errors import UsageError
from edgekit.format.schema import Tolerance

if TYPE_CHECKING:
    from edgekit.sources.inputs import InputSpec


def labels_file(path: Path, option: str = "--labels") -> tuple[str, ...]:
    """The lines of the text file that an option names.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        return tuple(path.read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{option} {path} cannot be read as UTF-8 text: {error}.") from error


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


def named_values(option: str, texts: Sequence[str], example: str) -> dict[str, Any]:
    """Parses every `--bind` or `--arg`: NAME=VALUE, where the value is JSON, or else the text itself.

    Raises:
        UsageError: a text is not of that form, or a name is given twice.
    """
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier():
            raise UsageError(f"{option} {text}: expected NAME=VALUE, for example {example}.")
        if name in found:
            raise UsageError(f"{option} {name}=… was given twice; give each name once.")
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
