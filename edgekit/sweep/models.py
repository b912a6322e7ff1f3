"""Which models a sweep exports."""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

from edgekit.errors import UsageError
from edgekit.sources.names import known_models


def all_names() -> tuple[str, ...]:
    """The names of `edgekit models`, sorted."""
    return tuple(sorted(model.name for model in known_models()))


def chosen(patterns: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """The sources to export, each once: all names by default.

    Args:
        patterns: names, globs of names such as `resnet*`, or other sources of `edgekit export`, also several with commas.
        names: the known names.

    Raises:
        UsageError: a name is unknown, or a glob matches nothing.
    """
    if not patterns:
        return tuple(names)
    words = [word for text in patterns for word in text.split(",") if word]
    return tuple(dict.fromkeys(source for word in words for source in _matches(word, names)))


def _matches(word: str, names: Sequence[str]) -> Sequence[str]:
    if not re.fullmatch(r"[\w*?\[\]!-]+", word):  # a factory or a file
        return [word]
    found = [name for name in names if fnmatchcase(name, word)]
    if not found:
        raise UsageError(f"--models {word}: no model has such a name. `edgekit models` lists the names.")
    return found
