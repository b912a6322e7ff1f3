"""Limits of a pickle that are checked on its opcodes, before the standard unpickler pays for them.

A few bytes can ask for a memo of 8 GB, or for a tuple of tuples whose hash takes 2^40 steps. The scan follows the stack. For each
value it keeps how deep it is nested, how many values it holds if repetitions are counted, and whether another value holds it.
"""

import struct

MOST_OPCODES = 1 << 20
DEEPEST = 512
_REPETITIONS, _ROOM = 64, 1 << 16  # a value may hold so many values per opcode of the pickle, and so many more
_Node = list[int]  # nesting, values, 1 if it was used: another value holds it, or it was fetched from the memo
_MARK: _Node = [-1, 0, 0]

# The opcodes that torch writes, all others are refused: the size of the argument, or the format of the size before it.
_ARGUMENTS: dict[int, int | str] = {
    **dict.fromkeys(b".()]}tesuabR\x81\x85\x86\x87QN\x88\x89", 0),
    **dict.fromkeys(b"\x80Kqh", 1),
    **{ord("M"): 2, ord("J"): 4, ord("r"): 4, ord("j"): 4, ord("G"): 8},
    **{ord("X"): "<I", ord("T"): "<I", ord("U"): "<B", 0x8A: "<B"},
}
_GLOBAL, _STOP, _OPEN = ord("c"), ord("."), ord("(")
_SCALARS = frozenset(b"N\x88\x89KMJGXTU\x8ac")
_EMPTIES = frozenset(b")]}")
_TUPLES = {0x85: 1, 0x86: 2, 0x87: 3, ord("Q"): 1}  # values that become one new value
_INTO = {ord("a"): 1, ord("R"): 1, ord("b"): 1, 0x81: 1, ord("s"): 2}  # values that go into the one below them
_CHANGES = frozenset(b"asueb")  # the value below stays the same one
_PUTS, _GETS = frozenset(b"qr"), frozenset(b"hj")


class LimitError(Exception):
    """The pickle is damaged, has an opcode that torch does not write, or costs more than its size allows."""


def check_pickle(data: bytes) -> None:
    """Checks the opcodes up to the end of the pickle.

    Raises:
        LimitError: a limit is broken.
    """
    stack: list[_Node] = []
    memo: dict[int, _Node] = {}
    at = count = 0
    try:
        while (opcode := data[at]) != _STOP:
            count += 1
            if count > MOST_OPCODES:
                raise LimitError(f"it has more than {MOST_OPCODES} opcodes")
            start, at = _argument(data, opcode, at + 1)
            if opcode in _PUTS or opcode in _GETS:
                _remember(opcode, int.from_bytes(data[start:at], "little"), count, stack, memo)
            elif opcode in _SCALARS:
                stack.append([0, 1, 0])
            elif opcode in _EMPTIES:
                stack.append([1, 1, 0])
            elif opcode == _OPEN:
                stack.append(_MARK)
            elif opcode != 0x80:  # PROTO does nothing
                stack.append(_joined(opcode, stack, _REPETITIONS * count + _ROOM))
    except (IndexError, KeyError, struct.error) as error:
        raise LimitError("it is cut short, or uses values that it does not have") from error


def _argument(data: bytes, opcode: int, at: int) -> tuple[int, int]:
    """Where the argument starts and ends."""
    if opcode == _GLOBAL:
        first = data.find(b"\n", at)
        second = data.find(b"\n", first + 1)
        if first < 0 or second < 0:
            raise LimitError("the name of a class does not end")
        return at, second + 1
    size = _ARGUMENTS.get(opcode)
    if size is None:
        raise LimitError(f"it has the opcode {opcode:#04x}, which torch does not write")
    if isinstance(size, str):
        (length,) = struct.unpack_from(size, data, at)
        at += struct.calcsize(size)
        size = int(length)
    if size > len(data) - at:
        raise LimitError(f"a value claims {size} bytes, but only {len(data) - at} follow")
    return at, at + size


def _remember(opcode: int, index: int, count: int, stack: list[_Node], memo: dict[int, _Node]) -> None:
    if opcode in _GETS:
        stack.append(memo[index])
        memo[index][2] = 1
        return
    if index > count:
        raise LimitError(f"it remembers a value under the number {index} after {count} opcodes")
    memo[index] = _value(stack[-1])


def _value(node: _Node) -> _Node:
    """The node, unless it is a mark, which libtorch keeps apart from the values: the two would disagree about what follows."""
    if node is _MARK:
        raise LimitError("it uses a mark as a value")
    return node


def _joined(opcode: int, stack: list[_Node], most_values: int) -> _Node:
    """Takes the values of an opcode from the stack, and returns what they become."""
    if opcode in _TUPLES or opcode in _INTO:
        number = _TUPLES.get(opcode) or _INTO[opcode]
        items = [_value(stack.pop()) for _ in range(number)][::-1]
    else:
        items = []
        while (item := stack.pop()) is not _MARK:
            items.append(item)
        items.reverse()
    into = [1, 1, 0] if opcode in _TUPLES or opcode == ord("t") else _value(stack.pop())
    if opcode in b"us" and any(depth > 0 for depth, *_ in items[::2]):
        raise LimitError("a key of a dictionary is not a text or a number")
    if opcode in _CHANGES and items and into[2]:  # the nesting of the value that holds it would be wrong
        raise LimitError("a value changes after it was used")
    for item in items:
        item[2] = 1
    depth = max([into[0], *(item[0] + 1 for item in items)])
    values = into[1] + sum(item[1] for item in items)
    if depth > DEEPEST or values > most_values:
        raise LimitError(
            f"its values are nested deeper than {DEEPEST}, or repeat each other more than {most_values} times"
        )
    if opcode not in _CHANGES:
        return [depth, values, 0]
    into[:2] = depth, values
    return into
