"""Each verb on packages that edgekit exported, compared with torch in this process."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from packages import rewrite, scale_largest_weight

import edgekit
from edgekit.format.archive import MANIFEST
from edgekit.runtimes.lite import LiteModule

from .conftest import Exported, Run, save_plain

IMAGES = Path(__file__).parents[1] / "conformance" / "images"
PICTURES = ("jpeg_420.jpg", "jpeg_grey.jpg", "jpeg_cmyk_adobe.jpg", "jpeg_exif6.jpg", "png_exif6.png")
ACROSS_CPUS = 2e-6  # the largest difference between two builds of the same kernels


def close(actual: np.ndarray, expected: np.ndarray) -> bool:
    return bool(np.abs(actual - expected).max() <= ACROSS_CPUS * max(1.0, np.abs(expected).max()))


def test_inspect_json_has_manifest(run: Run, classifier: Exported) -> None:
    done = run("inspect", classifier.package, "--json")
    assert done.code == 0
    (result,) = done.results
    assert result["manifest"]["name"] == "toy"
    assert result["kind"] == "lite"
    assert {"name": "version", "size_bytes": 2} in result["records"]


def test_inspect_text_names_methods(run: Run, classifier: Exported) -> None:
    done = run("inspect", classifier.package)
    assert done.code == 0
    assert "predict(image: uint8 [*, *, 3])" in done.out


def test_inspect_when_weights_are_damaged_then_still_reads(run: Run, classifier: Exported, tmp_path: Path) -> None:
    package = rewrite(classifier.package, tmp_path / "x.ptl", scale_largest_weight, remake_digests=False)
    assert run("inspect", package).code == 0


def test_run_agrees_with_python(run: Run, classifier: Exported, tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 40, 36)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    done = run("run", classifier.package, "--input", tmp_path / "x.npy", "-o", tmp_path / "y.npy")
    assert done.code == 0, done.err
    expected = edgekit.load(classifier.package).run([x])["0"]
    assert close(np.load(tmp_path / "y.npy"), expected)


def test_run_nested_writes_a_file_for_each_output(run: Run, nested: Exported, tmp_path: Path) -> None:
    x, index = np.arange(12, dtype=np.float32).reshape(4, 3), np.array([2, 0])
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "i.npy", index)
    inputs = ["--input", tmp_path / "x.npy", "--input", tmp_path / "i.npy"]
    done = run("run", nested.package, *inputs, "-o", tmp_path / "y.npy", "--json")
    assert done.code == 0, done.err
    assert [row["output"] for row in done.results] == ["0.sum", "0.row", "1"]
    assert np.array_equal(np.load(tmp_path / "y.0.sum.npy"), x + 1)
    assert np.array_equal(np.load(tmp_path / "y.0.row.npy"), x[index])
    assert np.array_equal(np.load(tmp_path / "y.1.npy"), x * 2)


def test_run_named_inputs_go_in_the_methods_order(run: Run, nested: Exported) -> None:
    inputs = ["--input", "index=2:int64[0,3]", "--input", "x=4x3"]
    assert run("run", nested.package, *inputs).code == 0
    done = run("run", nested.package, *inputs[:2], "--input", "y=4x3")
    assert done.code == 2
    assert "input x is missing" in done.err


def test_run_generated_input_needs_no_file(run: Run, classifier: Exported) -> None:
    done = run("run", classifier.package, "--input", "1x3x32x32")
    assert done.code == 0, done.err
    assert "float32  [1,7]" in done.out


@pytest.mark.parametrize("options", [(), ("--no-optimize",)])
def test_run_server_file_agrees_with_package(
    run: Run, classifier: Exported, tmp_path: Path, options: tuple[str, ...]
) -> None:
    x = np.random.default_rng(0).normal(size=(1, 3, 32, 32)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    done = run("run", classifier.server, "--input", tmp_path / "x.npy", "-o", tmp_path / "y.npy", *options)
    assert done.code == 0, done.err
    assert "no edgekit manifest" in done.err
    expected = edgekit.load(classifier.package).run([x])["0"]
    assert np.allclose(np.load(tmp_path / "y.npy"), expected, rtol=1e-5, atol=1e-5)


def test_run_server_file_that_forbids_its_step_runs_without_it(run: Run, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.AdaptiveAvgPool2d(7)).eval()
    server = edgekit.export(model, ["1x3x56x56"], name="pooled", output=tmp_path / "m.ptl").server
    x = np.random.default_rng(0).normal(size=(1, 3, 50, 61)).astype(np.float32)  # sizes that the step refuses
    np.save(tmp_path / "x.npy", x)
    done = run("run", server, "--input", tmp_path / "x.npy", "-o", tmp_path / "y.npy")
    assert done.code == 0, done.err
    assert close(np.load(tmp_path / "y.npy"), model(torch.from_numpy(x)).detach().numpy())


@pytest.mark.parametrize("flatbuffer", [False, True])
def test_run_plain_lite_file(run: Run, tmp_path: Path, flatbuffer: bool) -> None:
    model = save_plain(tmp_path / "m.ptl", flatbuffer=flatbuffer)
    x = np.random.default_rng(0).normal(size=(1, 3, 32, 32)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    done = run("run", model, "--input", tmp_path / "x.npy", "-o", tmp_path / "y.npy")
    assert done.code == 0, done.err
    assert "no edgekit manifest" in done.err
    expected = LiteModule(model).run("forward", [x])[1]["0"]
    assert close(np.load(tmp_path / "y.npy"), expected)


def test_run_pictures_agree_with_edgekit_run(run: Run, classifier: Exported) -> None:
    done = run("run", classifier.package, *(IMAGES / name for name in PICTURES), "--json")
    assert done.code == 0, done.err
    model = edgekit.load(classifier.package)
    for name, result in zip(PICTURES, done.results, strict=True):
        expected = model.predict(IMAGES / name, 5)
        assert result.keys() == {"file", "labels", "boxes", "error", "mask", "overlay"}
        assert (result["file"], result["error"]) == (str(IMAGES / name), None)
        assert [row["label"] for row in result["labels"]] == [label for label, _ in expected]
        assert [row["score"] for row in result["labels"]] == pytest.approx([s for _, s in expected], abs=1e-5)


def test_run_folder_takes_its_pictures_in_order(run: Run, classifier: Exported, tmp_path: Path) -> None:
    (tmp_path / "c.jpg").mkdir()
    for name in ("b.JPG", "a.png", "._a.png", ".b.jpg", "notes.txt"):
        (tmp_path / name).write_bytes((IMAGES / ("png_exif6.png" if name == "a.png" else "jpeg_420.jpg")).read_bytes())
    done = run("run", classifier.package, tmp_path, "--topk", 1, "--json")
    assert done.code == 0, done.err
    assert [Path(result["file"]).name for result in done.results] == ["a.png", "b.JPG"]


def test_run_picture_when_one_picture_is_bad_then_the_others_are_still_named(run: Run, classifier: Exported) -> None:
    done = run("run", classifier.package, IMAGES / "jpeg_truncated.jpg", IMAGES / "jpeg_420.jpg", "--json")
    assert done.code == 2
    assert "damaged" in done.results[0]["error"]
    assert "1 of 2 pictures failed" in done.err
    assert len(done.results[1]["labels"]) == 5
    assert "jpeg_truncated.jpg" in done.err


def test_bench_has_the_schema_of_the_design(run: Run, classifier: Exported) -> None:
    done = run("bench", classifier.package, "--iterations", 3, "--min-seconds", 0, "--threads", 1, "--ops", "--json")
    assert done.code == 0, done.err
    (result,) = done.results
    figures = {"load_ms", "first_ms", "min_ms", "p50_ms", "p90_ms", "p99_ms", "mean_ms", "iterations", "threads"}
    assert figures | {"engine", "peak_rss_bytes"} <= result.keys()
    assert result["iterations"] == len(result["samples_ms"]) == 3
    assert result["threads"] == 1
    assert 0 < result["min_ms"] <= result["p50_ms"] <= result["p99_ms"]
    assert result["peak_rss_bytes"] > 1 << 20
    assert sum(row["percent"] for row in result["operators"]) == pytest.approx(100)
    assert {"prepacked::conv2d_clamp_run"} <= {row["name"] for row in result["operators"]}


def test_verify_passes(run: Run, classifier: Exported, nested: Exported) -> None:
    for package in (classifier.package, nested.package):
        done = run("verify", package, "--json")
        assert done.code == 0, done.out + done.err
        assert all(row["passed"] for row in done.results)
    assert run("verify", classifier.package).out.rstrip().splitlines()[-1].startswith("PASS")


class Quoted(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"it's": x + 1.0, "a\\b": x * 2.0}


def test_verify_spells_odd_keys_as_python_does(run: Run, tmp_path: Path) -> None:
    report = edgekit.export(Quoted(), ["4x3"], name="quoted", output=tmp_path / "quoted.ptl")
    done = run("verify", report.package)
    assert done.code == 0, done.out + done.err


def test_verify_when_weights_changed_and_digests_remade_then_verdict_fails(
    run: Run, classifier: Exported, tmp_path: Path
) -> None:
    package = rewrite(classifier.package, tmp_path / "x.ptl", scale_largest_weight, remake_digests=True)
    done = run("verify", package, "--json")
    assert done.code == 1
    assert {"norm", "max"} & {row["reason"] for row in done.results}
    assert "FAIL" in run("verify", package).out


def test_verify_when_weights_changed_then_the_package_is_refused(
    run: Run, classifier: Exported, tmp_path: Path
) -> None:
    package = rewrite(classifier.package, tmp_path / "x.ptl", scale_largest_weight, remake_digests=False)
    done = run("verify", package)
    assert done.code == 3
    assert "has changed since the export" in done.err


def test_ops_lists_what_packages_need(run: Run, classifier: Exported) -> None:
    done = run("ops", "--json")
    assert done.code == 0
    names = {row["name"] for row in done.results}
    manifest = run("inspect", classifier.package, "--json").results[0]["manifest"]
    assert set(manifest["operators"]) <= names
    assert run("ops").out.splitlines() == [row["name"] for row in done.results]


def test_random_weights_are_in_the_first_line(run: Run, classifier: Exported, tmp_path: Path) -> None:
    def make_random(records: dict[str, bytes]) -> None:
        manifest = json.loads(records[MANIFEST])
        manifest["provenance"]["weights"] |= {"kind": "random", "seed": 7}
        records[MANIFEST] = json.dumps(manifest).encode()

    package = rewrite(classifier.package, tmp_path / "x.ptl", make_random, remake_digests=False)
    first = "RANDOM WEIGHTS (seed 7): the answers of toy mean nothing"
    arguments = [
        ("inspect", ()),
        ("verify", ()),
        ("run", (IMAGES / "jpeg_420.jpg",)),
        ("run", ("--input", "1x3x32x32")),
    ]
    for verb, more in arguments:
        assert run(verb, package, *more).out.splitlines()[0] == first
        if verb != "inspect":
            assert run(verb, package, *more, "--json").document["context"]["weights"] == "random"


def test_output_without_a_terminal_has_no_progress(run: Run, classifier: Exported) -> None:
    assert run("run", classifier.package, IMAGES / "jpeg_420.jpg", IMAGES / "jpeg_444.jpg").err == ""
