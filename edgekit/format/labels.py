"""`labels.txt`: one class name per line, in ASCII with the escapes of docs/format.md."""

import re
from collections.abc import Sequence

_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")


def encode_labels(labels: Sequence[str]) -> str:
    """The text of the record; line breaks, backslashes and characters outside ASCII become escapes."""
    return "".join("".join(map(_escape, label)) + "\n" for label in labels)


def decode_labels(text: str) -> tuple[str, ...]:
    """The labels in a record's text. Only a line feed ends a line."""
    lines = text.split("\n")
    return tuple(_unescape(line) for line in (lines if lines[-1] else lines[:-1]))


def _escape(character: str) -> str:
    if " " <= character <= "~" and character != "\\":
        return character
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))


def _unescape(line: str) -> str:
    units = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), line)
    return units.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
