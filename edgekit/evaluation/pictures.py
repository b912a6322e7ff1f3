"""The pictures of a folder, with their labels where the folder has one subfolder for each."""

import difflib
import logging
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgekit.errors import UsageError
from edgekit.format.picture import SUFFIXES

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledPicture:
    """A picture; `classes` are the right ones of the package, several where labels are equal, and empty without a label."""

    file: Path
    label: str | None = None
    classes: frozenset[int] = frozenset()


def pictures_of(
    folder: Path, labels: Sequence[str], count: int, folders: Sequence[str] = ()
) -> tuple[LabelledPicture, ...]:
    """The pictures of a folder, sorted: those in it, without labels, or those below its subfolders, whose names are labels.

    Args:
        folder: the folder.
        labels: the labels of the package.
        count: the number of classes.
        folders: the name of the subfolder of each class; empty if they are the labels or the numbers of the classes.

    Raises:
        UsageError: the folder cannot be read, has no pictures, or has pictures of both kinds; or a subfolder is not a label.
    """
    plain = [LabelledPicture(file=file) for file in _files(folder, deep=False)]
    inside = {path.name: _files(path, deep=True) for path in _subfolders(folder)}
    inside = {name: files for name, files in inside.items() if files}
    if plain and inside:
        raise UsageError(
            f"{folder} has pictures, and subfolders with pictures such as {next(iter(inside))}; expected one kind. Move the "
            "pictures without a label to another folder."
        )
    if not plain and not inside:
        raise UsageError(f"{folder} is a folder without pictures ({', '.join(sorted(SUFFIXES))}). Give another one.")
    if plain:
        return tuple(plain)
    classes = _classes(folder, tuple(inside), labels, count, folders)
    return tuple(
        LabelledPicture(file=file, label=name, classes=classes[name])
        for name, files in inside.items()
        for file in files
    )


def _classes(
    folder: Path, names: Sequence[str], labels: Sequence[str], count: int, folders: Sequence[str]
) -> Mapping[str, frozenset[int]]:
    """The classes of each subfolder: by the list, else by label, by number, or by the order of the names."""
    if folders:
        found = {name: _places(name, folders) for name in names}
        return _checked(found, folder, folders, "--classes has no line")
    exact = {name: _places(name, labels) for name in names}
    loose = {name: exact[name] or _places(_letters(name), [_letters(label) for label in labels]) for name in names}
    if any(loose.values()):
        return _checked(loose, folder, labels, "the package has no label")
    numbers = {name: _number(name, count) for name in names}
    if all(numbers.values()):
        return numbers
    if len(names) == count:
        _LOG.warning(
            "%s: the names of the subfolders are not labels of the package, so the classes are those of their order, from %s to "
            "%s",
            *(folder, names[0], names[-1]),
        )
        return {name: frozenset({index}) for index, name in enumerate(names)}
    return _checked(loose, folder, labels, "the package has no label")


def _checked(
    found: Mapping[str, frozenset[int]], folder: Path, known: Sequence[str], what: str
) -> Mapping[str, frozenset[int]]:
    """Refuses a subfolder without a class."""
    for name, classes in found.items():
        if not classes:
            near = difflib.get_close_matches(name, list(dict.fromkeys(known)), n=3, cutoff=0.6)
            hint = f" Did you mean {', '.join(near)}?" if near else ""
            raise UsageError(
                f"{folder / name}: {what} {name!r}.{hint} Name the subfolders like the labels, or give --classes FILE with the "
                "name of the subfolder of each class."
            )
    return found


def _places(name: str, known: Sequence[str]) -> frozenset[int]:
    return frozenset(index for index, other in enumerate(known) if other == name) if name else frozenset()


def _letters(text: str) -> str:
    """The text without what names of files often change: upper case, spaces and punctuation."""
    return re.sub(r"[\W_]+", "", text.casefold())


def _number(name: str, count: int) -> frozenset[int]:
    """The class of a subfolder such as `3`, `003` or `class 3`; empty if its name is not one."""
    found = re.fullmatch(r"(?:class)?[ _-]?(\d{1,9})", name.casefold())
    return frozenset({int(found[1])}) if found is not None and int(found[1]) < count else frozenset()


def _subfolders(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError as error:
        raise UsageError(f"--data {folder}: the folder cannot be read: {error.strerror}. Give another one.") from error


def _files(folder: Path, deep: bool) -> list[Path]:
    """The pictures in a folder, without hidden ones; with `deep`, also those in the folders below."""
    found = []
    for place, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if deep and not name.startswith(".")]
        paths = [Path(place) / name for name in names if not name.startswith(".")]
        found += [path for path in paths if path.suffix.lower() in SUFFIXES]
    return sorted(found)
