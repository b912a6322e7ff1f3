"""The JSON of a package's documents: writing, reading and the check of the schema version."""

import json
import re
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from edgekit.errors import PackageError
from edgekit.format.schema import SCHEMA_VERSION

T = TypeVar("T")


def to_json(value: Any, *, indent: int | None = 1) -> str:
    """A dataclass of `edgekit.format.schema` as ASCII JSON with a final newline."""
    return json.dumps(msgspec.to_builtins(value), ensure_ascii=True, allow_nan=False, indent=indent) + "\n"


def from_json(text: str | bytes, kind: type[T], what: str) -> T:
    """Reads what `to_json` writes; unknown fields are ignored. `what` is the document's name in messages.

    Raises:
        PackageError: the text is not JSON, a field is missing or wrong, or the major schema version is newer.
    """
    try:
        check_schema_version(msgspec.json.decode(text, type=_Versioned).schema_version, what)
        return msgspec.json.decode(text, type=kind)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise PackageError(f"{what} is not a valid document: {error}. The file is damaged; export it again.") from error


@dataclass(frozen=True, slots=True)
class _Versioned:
    schema_version: str


def check_schema_version(version: str, what: str) -> None:
    """Checks that this reader can read a record of a package of this schema version.

    Raises:
        PackageError: it cannot.
    """
    if expected := expected_version(version, SCHEMA_VERSION):
        raise PackageError(
            f"{what} has schema_version {version!r}; expected {expected}. "
            "Upgrade edgekit, or export the package again with this one."
        )


def expected_version(version: str, own: str) -> str:
    """What a reader of the version `own` expects instead of this schema version; empty if it reads the version."""
    numbers = re.fullmatch(r"([0-9]{1,6})\.[0-9]{1,6}", version)
    if numbers is None:
        return '"MAJOR.MINOR" with one to six digits each'
    major = int(own.partition(".")[0])
    return f"at most {major}.x" if int(numbers[1]) > major else ""
