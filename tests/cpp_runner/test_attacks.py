"""The runner refuses the same attacks as Python, fast and before libtorch reads a byte."""

import time
from pathlib import Path

import numpy as np
import pytest
from attacks.containers import ATTACKS, join, parts_of
from attacks.test_containers import SECONDS, records_of
from attacks.test_manifests import blind, write_changed
from attacks.test_pickles import PICKLES, START
from packages import edit_golden, edit_manifest, rewrite

from .conftest import Run


@pytest.fixture(scope="module")
def most_seconds(run: Run, tiny: Path) -> float:
    """More than the time of an honest package by `SECONDS`; an emulated runner or one with sanitizers starts slowly."""
    start = time.monotonic()
    assert run("inspect", tiny).code == 0
    return SECONDS + 3 * (time.monotonic() - start)


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize("verb", ["inspect", "verify"])
def test_container_attack_exits_3(
    run: Run, tiny: Path, tmp_path: Path, name: str, verb: str, most_seconds: float
) -> None:
    package = tmp_path / "x.ptl"
    package.write_bytes(ATTACKS[name][1](parts_of(records_of(tiny))))
    start = time.monotonic()
    done = run(verb, package)
    assert time.monotonic() - start < most_seconds
    assert (done.code, done.out) == (3, "")
    assert "damaged" in done.err or "not a PyTorch model" in done.err


def test_container_rebuilt_without_an_attack_is_read(run: Run, tiny: Path, tmp_path: Path) -> None:
    package = tmp_path / "x.ptl"
    package.write_bytes(join(parts_of(records_of(tiny))))
    assert run("inspect", package).code == 0


def test_inspect_manifest_with_many_keys_is_fast(run: Run, tiny: Path, tmp_path: Path, most_seconds: float) -> None:
    edit = edit_manifest(lambda m: m.update(keys={f"k{i}": 0 for i in range(100_000)}, objects=[{}] * 100_000))
    package = rewrite(tiny, tmp_path / "x.ptl", edit, remake_digests=True)
    start = time.monotonic()
    assert run("inspect", package).code == 0
    assert time.monotonic() - start < 2 * most_seconds


def test_inspect_name_with_escapes_reaches_the_terminal_escaped(run: Run, tiny: Path, tmp_path: Path) -> None:
    edit = edit_manifest(lambda m: m.update(name="x\x1b[2J\x9bPASS\x07"))
    done = run("inspect", rewrite(tiny, tmp_path / "x.ptl", edit, remake_digests=True))
    assert done.code == 0
    assert "x\\x1b[2J" in done.out
    assert done.out.replace("\n", "").isprintable()


@pytest.mark.parametrize("name", PICKLES)
@pytest.mark.parametrize("verb", ["inspect", "verify"])
def test_pickle_attack_exits_3(run: Run, tiny: Path, tmp_path: Path, name: str, verb: str, most_seconds: float) -> None:
    data = START + PICKLES[name][1]
    package = rewrite(tiny, tmp_path / "x.ptl", lambda r: r.update({"bytecode.pkl": data}), remake_digests=True)
    start = time.monotonic()
    done = run(verb, package)
    assert time.monotonic() - start < most_seconds
    assert (done.code, done.out) == (3, "")
    assert "bytecode.pkl is damaged or hostile" in done.err


@pytest.mark.parametrize("verb", ["inspect", "verify", "bench", "run"])
def test_golden_cases_that_list_nothing_exit_3(run: Run, tiny: Path, tmp_path: Path, verb: str) -> None:
    np.save(tmp_path / "x.npy", np.zeros((1, 3, 32, 32), np.float32))
    options = ["--input", tmp_path / "x.npy"] if verb == "run" else []
    done = run(verb, write_changed(tiny, tmp_path, edit_golden(blind)), *options)
    assert (done.code, done.out) == (3, "")
    assert "lists no element of output" in done.err


@pytest.mark.parametrize("size", [0, 4])
def test_storage_shorter_than_its_tensor_exits_3(run: Run, tiny: Path, tmp_path: Path, size: int) -> None:
    def cut(records: dict[str, bytes]) -> None:
        name = max((n for n in records if n.endswith(".storage")), key=lambda n: len(records[n]))
        records[name] = records[name][:size]

    package = rewrite(tiny, tmp_path / "x.ptl", cut, remake_digests=True)
    for verb in ("inspect", "verify", "bench"):
        done = run(verb, package)
        assert (done.code, done.out) == (3, "")
        assert f"has {size} bytes; expected at least" in done.err
