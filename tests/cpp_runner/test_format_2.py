"""What version 2 of the format added: ranges of axes, proof, stored inputs, structures that depend on the data."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from packages import edit_golden, edit_manifest, rewrite

from .conftest import Exported, Run

VERDICT, USAGE, BAD_PACKAGE, RUNTIME = 1, 2, 3, 4


def changed(
    source: Path,
    path: Path,
    manifest: Callable[[Any], object] = lambda _: None,
    golden: Callable[[Any], object] = lambda _: None,
) -> Path:
    """A copy of a package with an edited manifest and edited golden cases."""

    def edit(records: dict[str, bytes]) -> None:
        edit_golden(golden)(records)
        edit_manifest(manifest)(records)

    return rewrite(source, path, edit, remake_digests=True)


def sizes(low: int, high: int, **more: Any) -> dict[str, Any]:
    return {"min": low, "max": high, "multiple": 1, "symbol": None} | more


def with_ranges(manifest: Any) -> None:
    manifest["methods"][0]["inputs"][0]["shape"] = [sizes(1, 4), 3, *[sizes(32, 512, multiple=32)] * 2]


@pytest.fixture
def ranged(classifier: Exported, tmp_path: Path) -> Path:
    return changed(
        classifier.package,
        tmp_path / "ranged.ptl",
        with_ranges,
        lambda golden: golden.update(cases=golden["cases"][:1]),
    )


@pytest.mark.parametrize("shape", ["5x3x32x32", "0x3x32x32", "1x3x33x32", "1x3x32x544"])
def test_run_when_size_is_outside_the_range_then_usage_names_it(run: Run, ranged: Path, shape: str) -> None:
    done = run("run", ranged, "--input", shape)
    assert done.code == USAGE
    given = f"forward input 0 is float32 [{shape.replace('x', ', ')}]"
    assert f"{given}; expected x: float32 [1..4, 3, 32..512 by 32, 32..512 by 32]" in done.err


def test_run_when_size_is_in_the_range_then_it_runs(run: Run, ranged: Path) -> None:
    for shape in ("1x3x32x32", "4x3x64x96"):
        assert run("run", ranged, "--input", shape).code == 0


def test_run_when_sizes_of_one_symbol_differ_then_usage_names_both(run: Run, nested: Exported, tmp_path: Path) -> None:
    def with_symbol(manifest: Any) -> None:
        x, index = manifest["methods"][0]["inputs"]
        x["shape"], index["shape"] = [sizes(1, 9, symbol="n"), 3], [sizes(1, 9, symbol="n")]

    package = changed(nested.package, tmp_path / "x.ptl", with_symbol)
    assert run("run", package, "--input", "2x3", "--input", "2:int64[0,1]").code == 0
    done = run("run", package, "--input", "2x3", "--input", "3:int64[0,1]")
    assert done.code == USAGE
    assert "forward: axis 0 of x is 2 and axis 0 of index is 3; expected equal sizes" in done.err
    done = run("verify", package)  # the cases have 4 and 2
    assert done.code == BAD_PACKAGE
    assert "does not fit the manifest's method" in done.err


def test_inspect_shows_ranges_and_says_where_none_was_proved(run: Run, ranged: Path, tmp_path: Path) -> None:
    done = run("inspect", ranged)
    assert "forward(x: float32 [1..4, 3, 32..512 by 32, 32..512 by 32])" in done.out
    assert "not range-proved" not in done.out

    def without_ranges(manifest: Any) -> None:
        manifest["schema_version"] = "1.0"
        manifest["methods"][0]["inputs"][0]["shape"] = [None, 3, None, None]

    done = run("inspect", changed(ranged, tmp_path / "old.ptl", without_ranges))
    assert "forward(x: float32 [*, 3, *, *])" in done.out
    assert "* is not range-proved" in done.out


def test_verify_when_an_output_is_unproven_then_it_never_passes(run: Run, classifier: Exported, tmp_path: Path) -> None:
    package = changed(
        classifier.package,
        tmp_path / "x.ptl",
        lambda manifest: manifest["methods"][0]["outputs"][0].update(proof="unproven"),
    )
    line = "UNPROVEN: forward: 0. The cases give almost the same answer, so a wrong model would agree too."
    done = run("verify", package)
    assert done.code == VERDICT
    assert line in done.out
    assert "PASS" not in done.out
    done = run("verify", package, "--json")
    assert done.code == VERDICT
    assert done.document["context"]["unproven"] == ["forward: 0"]
    assert done.document["context"]["passed"] is False
    assert all(row["passed"] for row in done.results)
    assert "forward: 0. The cases give almost the same answer" in run("inspect", package).out
    assert run("run", package, "--input", "1x3x32x32").code == 0


def stored(case: Any, values: np.ndarray) -> None:
    (given,) = case["inputs"]
    case["inputs"] = [
        {
            "name": given["name"],
            "dtype": "float32",
            "shape": list(values.shape),
            "data": base64.b64encode(values.astype("<f4").tobytes()).decode(),
        }
    ]


def test_verify_replays_stored_inputs(run: Run, ranged: Path, tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(1, 3, 32, 32)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    done = run("run", ranged, "--input", tmp_path / "x.npy", "-o", tmp_path / "y.npy")
    assert done.code == 0, done.err
    y = np.load(tmp_path / "y.npy")

    def with_sample(golden: Any) -> None:
        (case,) = golden["cases"]
        stored(case, x)
        case["outputs"] = [
            {
                "name": "0",
                "dtype": "float32",
                "shape": list(y.shape),
                "indices": None,
                "values": y.reshape(-1).astype(float).tolist(),
            }
        ]

    package = changed(ranged, tmp_path / "sample.ptl", golden=with_sample)
    assert run("verify", package).code == 0
    assert run("bench", package, "--iterations", 1, "--min-seconds", 0).code == 0
    other = changed(package, tmp_path / "other.ptl", golden=lambda golden: stored(golden["cases"][0], x + 1))
    assert run("verify", other).code == VERDICT
    short = changed(
        package, tmp_path / "short.ptl", golden=lambda golden: golden["cases"][0]["inputs"][0].update(data="AA==")
    )
    done = run("verify", short)
    assert done.code == BAD_PACKAGE
    assert "input x has 1 bytes of data; expected 12288" in done.err


def test_structure_of_the_case_decides_where_it_depends_on_the_data(
    run: Run, classifier: Exported, tmp_path: Path
) -> None:
    def open_structure(manifest: Any) -> None:
        manifest["methods"][0]["structure"] = None

    def with_structure(structure: str | None) -> Callable[[Any], None]:
        def edit(golden: Any) -> None:
            for case in golden["cases"]:
                case.update(structure=structure if case["method"] == "forward" else None)

        return edit

    for structure, code in ((None, 0), ("*", 0), ("[*]", VERDICT)):
        package = changed(classifier.package, tmp_path / "x.ptl", open_structure, with_structure(structure))
        assert run("verify", package).code == code, structure
    assert "-> 0: float32" in (shown := run("inspect", package).out)
    assert "in one case: they depend on the data" in shown
    assert run("run", package, "--input", "1x3x32x32").code == 0


def test_quantized_engine_is_set_or_refused_by_name(run: Run, classifier: Exported, tmp_path: Path) -> None:
    accepted, refusals = set(), []
    for engine in ("fbgemm", "x86", "onednn", "qnnpack"):
        package = changed(
            classifier.package,
            tmp_path / "x.ptl",
            lambda manifest, engine=engine: manifest["runtime"].update(quantized_engine=engine),
        )
        done = run("verify", package)
        assert done.code in (0, RUNTIME), done.err
        if done.code == 0:
            accepted.add(engine)
        else:
            assert f"needs the quantized engine {engine}, but torch" in done.err
            refusals.append(done.err)
    assert accepted
    assert all(engine in refusal for refusal in refusals for engine in accepted)
