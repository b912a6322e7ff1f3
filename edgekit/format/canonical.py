"""Renumbers the class names in torch's pickles, so that they do not depend on what else the process compiled."""

import pickletools
import re
import struct

_MANGLED = re.compile(r"___torch_mangle_(\d+)")


class Renamer:
    """Renumbers mangled names in the order in which they appear, with one numbering for all records of an archive."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def _rename(self, text: str) -> str:
        return _MANGLED.sub(lambda m: f"___torch_mangle_{self._numbers.setdefault(m[1], len(self._numbers))}", text)

    def rewrite(self, data: bytes) -> bytes:
        """The pickle with renumbered names; all other bytes stay the same."""
        if b"___torch_mangle_" not in data:
            return data
        parts: list[bytes] = []
        done = 0
        operations = list(pickletools.genops(data))
        ends = [position for _, _, position in operations[1:]] + [len(data)]
        for (opcode, argument, position), end in zip(operations, ends, strict=True):
            if not isinstance(argument, str) or "___torch_mangle_" not in argument or position is None or end is None:
                continue
            renamed = self._rename(argument)
            parts += [data[done:position], _encode(opcode.name, renamed)]
            done = end
        return b"".join([*parts, data[done:]])


def _encode(opcode: str, text: str) -> bytes:
    raw = text.encode()
    if opcode == "BINUNICODE":
        return b"X" + struct.pack("<I", len(raw)) + raw
    if opcode == "GLOBAL":
        module, _, name = raw.rpartition(b" ")
        return b"c" + module + b"\n" + name + b"\n"
    raise ValueError(f"a mangled name is in the opcode {opcode}; expected BINUNICODE or GLOBAL")
