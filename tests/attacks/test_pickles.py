"""Pickles that cost more than their size, and storages that are too short, are refused before they are read."""

import pickle
import struct
import time
from pathlib import Path

import pytest
from packages import rewrite

from edgekit.cli.main import main
from edgekit.format.pickle_limits import DEEPEST, MOST_OPCODES, LimitError, check_pickle

SECONDS = 10.0  # of CPU time: many times what it takes, on a machine with other work too
START = b"\x80\x02"

PICKLES = {
    "memo of gigabytes": ("remembers a value under the number", b"Nr" + struct.pack("<I", 0x1FFFFFFF) + b"."),
    "tuples that double by the memo": (
        "repeat each other",
        b"K\x01q\0"
        + b"".join(b"h" + bytes([i]) + b"h" + bytes([i]) + b"\x86q" + bytes([i + 1]) for i in range(60))
        + b".",
    ),
    "tuple as a key": ("key of a dictionary", b"}K\x01K\x02\x86Ns."),
    "tuple as a key among many": ("key of a dictionary", b"}(K\x01N)Nu."),
    "duplicates": ("opcode 0x32", b"K\x01" + b"2\x86" * 40 + b"."),
    "nesting": ("nested deeper", b"(" * (DEEPEST + 2) + b"t" * (DEEPEST + 2) + b"."),
    "lists in lists": ("nested deeper", b"]" * (DEEPEST + 2) + b"a" * (DEEPEST + 1) + b"."),
    "list that grows after it was used": ("changes after it was used", b"]q\0]q\1ah\1]a."),
    "text longer than the record": ("claims 4294967295 bytes", b"X\xff\xff\xff\xff."),
    "number of many digits": ("opcode 0x8b", b"\x8b" + struct.pack("<i", 1 << 30) + b"."),
    "millions of opcodes": ("more than", b"N" * (MOST_OPCODES + 1) + b"."),
    "value of nothing": ("values that it does not have", b"t."),
    "unknown memo": ("values that it does not have", b"h\x07."),
    "mark in the memo": ("a mark as a value", b"N(q\0h\0t."),
    "mark in a tuple": ("a mark as a value", b"N(\x86."),
    "mark that is changed": ("a mark as a value", b"(Na."),
    "no end": ("cut short", b"NN"),
    "class without an end": ("does not end", b"cos\nsystem"),
}


@pytest.mark.parametrize("name", PICKLES)
def test_pickle_attack_is_refused_fast(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    message, data = PICKLES[name]
    package = rewrite(tiny, tmp_path / "x.ptl", lambda r: r.update({"bytecode.pkl": START + data}), remake_digests=True)
    start = time.process_time()
    assert main(["inspect", str(package)]) == 3
    assert time.process_time() - start < SECONDS
    assert message in capsys.readouterr().err


def test_check_pickle_accepts_what_is_shared_and_deep_within_the_limits() -> None:
    deep: object = ()
    for _ in range(DEEPEST - 2):
        deep = (deep,)
    shared = ("x",) * 100
    content = b"\x80\x02" + pickle.dumps((deep, [shared] * 100, {"a": 1, 2: "b"}, 1.5, 1 << 40), protocol=2)[2:]
    check_pickle(content)
    with pytest.raises(LimitError):
        check_pickle(content[:-1])


@pytest.mark.parametrize("verb", ["inspect", "verify", "run"])
@pytest.mark.parametrize("size", [0, 4])
def test_storage_shorter_than_its_tensor_exits_3(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: str, size: int
) -> None:
    def cut(records: dict[str, bytes]) -> None:
        name = max((n for n in records if n.endswith(".storage")), key=lambda n: len(records[n]))
        records[name] = records[name][:size]

    package = rewrite(tiny, tmp_path / "x.ptl", cut, remake_digests=True)
    picture = tmp_path / "x.png"
    picture.write_bytes(b"not read before the package")
    arguments = [verb, str(package), *([str(picture)] if verb == "run" else [])]
    assert main(arguments) == 3
    assert f"has {size} bytes; expected at least" in capsys.readouterr().err
