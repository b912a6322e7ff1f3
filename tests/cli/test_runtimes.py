"""A new runtime needs one class and one row; then every verb knows it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from abacus import ROW

from cli.command import Command
from edgekit.runtimes.registry import TARGETS, Target, markdown_table

IMAGES = Path(__file__).parent.parent / "conformance" / "images"


@pytest.fixture
def abacus(monkeypatch: pytest.MonkeyPatch) -> Target:
    monkeypatch.setitem(TARGETS, ROW.name, ROW)
    return ROW


@pytest.mark.usefixtures("abacus")
def test_new_row_is_known_to_every_verb(cli: Command, tiny: Path) -> None:
    np.save("x.npy", np.zeros((1, 3, 32, 32), np.float32))
    cli("verify", tiny, "--runtime", "abacus").passed("tiny on abacus: pass")
    cli("bench", tiny, "--runtime", "abacus").passed("abacus", "7.000")
    cli("run", tiny, "--runtime", "abacus", "--input", "x.npy").passed("0: float32 [1, 1, 3, 32, 32] -> output.npy")
    cli("ops", "--runtime", "abacus").passed("aten::relu")
    cli("compat", tiny, "--runtime", "abacus").passed("torch-2.1.0")
    for verb in ("verify", "bench", "run"):
        assert "abacus (an invented runtime with beads)" in " ".join(cli(verb, "--help").out.split())
    for verb in ("compat", "ops"):
        assert "abacus" in cli(verb, "--help").out
    cli("verify", tiny, "--runtime", "x").failed(2, "expected one of", "abacus")
    cli("bench", tiny, "--runtime", "torch-2.1.0").failed(2, "does not support bench", "--runtime abacus")
    cli("bench", tiny, "--runtime", "abacus", "--ops").failed(2, "'abacus' does not support operator times")
    assert "| `abacus` | an invented runtime with beads | verify, run, bench | torch-2.1.0 |" in markdown_table()


def test_new_row_when_missing_then_every_verb_says_why(
    cli: Command, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = replace(ROW, arguments={"why": "the beads are missing. Run make beads."})
    monkeypatch.setitem(TARGETS, "abacus", row)
    for verb in ("verify", "bench", "run"):
        cli(verb, tiny, "--runtime", "abacus").failed(4, "the beads are missing. Run make beads.")


def test_bench_emulated_runtime_warns(cli: Command, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TARGETS, "abacus", replace(ROW, emulated=True))
    result = cli("bench", tiny, "--runtime", "abacus")
    result.passed("7.000")
    assert "runtime abacus is emulated: its times are not those of a device." in result.err


@pytest.mark.parametrize(
    "runtime", [pytest.param("native", marks=pytest.mark.native), pytest.param("android", marks=pytest.mark.android)]
)
def test_run_on_another_runtime_gives_what_the_lite_runtime_gives(cli: Command, tiny: Path, runtime: str) -> None:
    if why := TARGETS[runtime].create().missing():
        pytest.skip(why)
    np.save("x.npy", np.linspace(-1, 1, 3 * 32 * 32, dtype=np.float32).reshape(1, 3, 32, 32))
    cli("run", tiny, "--input", "x.npy", "-o", "here.npy").passed()
    cli("run", tiny, "--input", "x=x.npy", "-o", "there.npy", "--runtime", runtime).passed("0: float32 [1, 5]")
    np.testing.assert_allclose(np.load("there.npy"), np.load("here.npy"), rtol=1e-4, atol=1e-6)
    pictures = (IMAGES / "jpeg_420.jpg", IMAGES / "png_exif6.png")
    here, there = (
        json.loads(cli("run", tiny, *pictures, "--json", "--runtime", name).out) for name in ("lite", runtime)
    )
    assert there["context"]["runtime"] == runtime
    for a, b in zip(here["results"], there["results"], strict=True):
        assert [row["label"] for row in a["labels"]] == [row["label"] for row in b["labels"]]
        assert [row["score"] for row in a["labels"]] == pytest.approx([row["score"] for row in b["labels"]], abs=1e-5)


@pytest.mark.native
def test_run_on_another_runtime_checks_inputs_too(cli: Command, tiny: Path) -> None:
    if why := TARGETS["native"].create().missing():
        pytest.skip(why)
    np.save("x.npy", np.zeros((1, 4, 32, 32), np.float32))
    cli("run", tiny, "--input", "x.npy", "--runtime", "native").failed(2, "input 0 is float32 [1, 4, 32, 32]; expected")


def test_ops_table_lists_the_operators(cli: Command) -> None:
    cli("ops", "--runtime", "android").passed("aten::relu\n", "prepacked::conv2d_clamp_run\n")
    both = cli("ops", "--runtime", "torch-1.13.1", "--runtime", "torch-2.1.0")
    both.passed("torch-1.13.1 aten::relu\n", "torch-2.1.0 aten::scaled_dot_product_attention\n")
    document = json.loads(cli("ops", "--runtime", "android-1.12.2", "--json").out)
    assert document["context"] == {"runtimes": ["android-1.12.2"]}
    assert {"runtime": "android-1.12.2", "name": "aten::relu"} in document["results"]


@pytest.mark.native
def test_ops_native_asks_the_runner_without_torch_and_numpy(process: Command) -> None:
    if why := TARGETS["native"].create().missing():
        pytest.skip(why)
    result = process("ops", "--runtime", "native", env={"PYTHONPROFILEIMPORTTIME": "1"})
    result.passed("aten::relu\n")
    assert not {"torch", "numpy"} & {line.rpartition("|")[2].strip() for line in result.err.splitlines()}


def test_ops_needs_a_runtime_that_it_knows(cli: Command) -> None:
    cli("ops").failed(2, "required: --runtime")
    cli("ops", "--runtime", "ios").failed(
        2, "operators of runtime 'ios' are unknown; expected one of native", "torch-2.1.0"
    )
    cli("ops", "--runtime", "lite").failed(2, "operators of runtime 'lite' are unknown; expected one of native")


def test_compat_runtime_without_a_table_names_ops(cli: Command, tiny: Path) -> None:
    cli("compat", tiny, "--runtime", "native").failed(
        2, "'native' has no operator table", "edgekit ops --runtime native"
    )
