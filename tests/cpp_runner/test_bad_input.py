"""Wrong requests and damaged files: a clear message and the right exit code, no crash, no files left behind."""

import json
import os
import struct
import subprocess
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from packages import Edit, edit_golden, edit_manifest, rewrite

from edgekit.format.archive import MANIFEST

from .conftest import Exported, Run

USAGE, BAD_PACKAGE, RUNTIME = 2, 3, 4
CONFORMANCE = Path(__file__).parents[1] / "conformance" / "images"


def save(path: Path, array: np.ndarray) -> Path:
    np.save(path, array)
    return path


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "is empty"),
        (b"hello, world", "not a PyTorch model"),
        (b"PK\x03\x04" + b"\0" * 100, "truncated or damaged"),
        (b"\0\0\0\0PTMF" + b"\xff" * 64, "cannot be loaded"),
    ],
)
def test_model_when_foreign_then_bad_package(run: Run, tmp_path: Path, content: bytes, text: str) -> None:
    path = tmp_path / "x.ptl"
    path.write_bytes(content)
    done = run("verify", path)
    assert done.code == BAD_PACKAGE
    assert text in done.err


def test_model_when_missing_or_folder_or_state_dict_then_bad_package(run: Run, tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(2)}, tmp_path / "state.pt")
    for path, text in (
        (tmp_path / "no.ptl", "No such file"),
        (tmp_path, "not a regular file"),
        (tmp_path / "state.pt", "state dict"),
    ):
        done = run("inspect", path)
        assert done.code == BAD_PACKAGE
        assert text in done.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read every file")
def test_model_when_unreadable_then_bad_package(run: Run, classifier: Exported, tmp_path: Path) -> None:
    path = tmp_path / "x.ptl"
    path.write_bytes(classifier.package.read_bytes())
    path.chmod(0)
    assert run("inspect", path).code == BAD_PACKAGE


def test_model_when_cut_anywhere_then_bad_package(run: Run, classifier: Exported, tmp_path: Path) -> None:
    whole = classifier.package.read_bytes()
    path = tmp_path / "x.ptl"
    for part in (1, 10, 50, 90, 99):
        path.write_bytes(whole[: len(whole) * part // 100])
        done = run("verify", path)
        assert done.code == BAD_PACKAGE, done.err


def test_package_when_of_newer_major_then_refused(run: Run, classifier: Exported, tmp_path: Path) -> None:
    def make_newer(records: dict[str, bytes]) -> None:
        records[MANIFEST] = json.dumps(json.loads(records[MANIFEST]) | {"schema_version": "3.0"}).encode()

    package = rewrite(classifier.package, tmp_path / "x.ptl", make_newer, remake_digests=False)
    done = run("verify", package)
    assert done.code == BAD_PACKAGE
    assert "3.0" in done.err


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.zeros((1, 4, 32, 32), np.float32), "forward input 0 is float32 [1, 4, 32, 32]; expected x: float32 ["),
        (np.zeros((1, 32, 32, 3), np.float32), "forward input 0 is float32 [1, 32, 32, 3]; expected x: float32 ["),
        (np.zeros((3, 32, 32), np.float32), "forward input 0 is float32 [3, 32, 32]; expected x: float32 ["),
        (np.zeros((1, 3, 32, 32), np.float64), "forward input 0 is float64 [1, 3, 32, 32]; expected x: float32 ["),
        (np.zeros((1, 3, 32, 32), np.uint8), "forward input 0 is uint8 [1, 3, 32, 32]; expected x: float32 ["),
        (np.full((1, 3, 32, 32), np.nan, np.float32), "NaN"),
        (np.zeros((1, 3, 32, 32), np.float16), "<f2"),
        (np.asfortranarray(np.zeros((1, 3, 32, 32), np.float32)), "Fortran"),
    ],
)
def test_run_when_input_does_not_fit_then_usage(
    run: Run, classifier: Exported, tmp_path: Path, array: np.ndarray, text: str
) -> None:
    output = tmp_path / "y.npy"
    done = run("run", classifier.package, "--input", save(tmp_path / "x.npy", array), "-o", output)
    assert done.code == USAGE, done.err
    assert text in done.err
    assert not output.exists()


def test_run_when_infinite_input_gives_no_numbers_then_runtime(run: Run, classifier: Exported, tmp_path: Path) -> None:
    infinite = save(tmp_path / "x.npy", np.full((1, 3, 32, 32), np.inf, np.float32))
    done = run("run", classifier.package, "--input", infinite)
    assert done.code == RUNTIME
    assert "output 0 has a NaN or an infinity" in done.err


def test_run_when_count_is_wrong_then_usage(run: Run, classifier: Exported, plain: Path) -> None:
    for package in (classifier.package, plain, classifier.server):
        for count in (0, 2):
            done = run("run", package, *(["--input", "1x3x32x32"] * count))
            assert done.code == USAGE, done.err
            assert f"got {count}" in done.err


def test_run_when_method_is_unknown_then_usage_names_the_others(run: Run, classifier: Exported) -> None:
    done = run("run", classifier.package, "--method", "backward", "--input", "1x3x32x32")
    assert done.code == USAGE
    assert "forward, predict" in done.err


def test_run_when_input_file_is_missing_or_odd_then_usage(run: Run, classifier: Exported, tmp_path: Path) -> None:
    (tmp_path / "text.npy").write_text("hello")
    for given in (tmp_path / "no.npy", tmp_path / "text.npy", tmp_path, "1x3xmany", "1x3:float16"):
        done = run("run", classifier.package, "--input", given)
        assert done.code == USAGE, done.err


def test_run_when_output_cannot_be_written_then_usage(run: Run, classifier: Exported, tmp_path: Path) -> None:
    (tmp_path / "taken.npy").mkdir()
    for output in (tmp_path / "no" / "y.npy", tmp_path / "taken.npy", "/proc/y.npy"):
        done = run("run", classifier.package, "--input", "1x3x32x32", "-o", output)
        assert done.code == USAGE, done.err
        assert "cannot write" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["taken.npy"]


def test_run_when_plain_model_raises_then_runtime(run: Run, plain: Path) -> None:
    done = run("run", plain, "--input", "3:float32")
    assert done.code == RUNTIME
    assert "method forward failed" in done.err


def test_bench_when_iterations_are_zero_then_usage(run: Run, classifier: Exported) -> None:
    assert run("bench", classifier.package, "--iterations", 0).code == USAGE
    assert run("bench", classifier.package, "--threads", 0).code == USAGE
    assert run("bench", classifier.package, "--min-seconds", -1).code == USAGE


def test_bench_when_more_threads_than_cores_then_warned(run: Run, classifier: Exported) -> None:
    many = (os.cpu_count() or 1) + 3
    done = run("bench", classifier.package, "--iterations", 2, "--min-seconds", 0, "--threads", many, "--json")
    assert done.code == 0, done.err
    assert f"{many} threads on" in done.err
    assert done.results[0]["threads"] == many


def test_bench_when_plain_file_has_no_inputs_then_usage(run: Run, plain: Path) -> None:
    done = run("bench", plain)
    assert done.code == USAGE
    assert "pass inputs" in done.err


def test_verify_when_no_golden_cases_then_bad_package(run: Run, plain: Path) -> None:
    done = run("verify", plain)
    assert done.code == BAD_PACKAGE
    assert "no golden cases" in done.err


def test_run_picture_when_no_predict_then_usage(run: Run, nested: Exported, tmp_path: Path) -> None:
    done = run("run", nested.package, tmp_path / "x.jpg")
    assert done.code == USAGE
    assert "no predict method" in done.err


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("x.jpg", "--input", "1x3x32x32"), "pictures and --input exclude each other"),
        (("x.jpg", "--method", "forward"), "pictures and --method exclude each other"),
        (("x.jpg", "-o", "y.npy"), "gives no masks or boxes for pictures; leave -o out"),
        (("--topk", "3", "--input", "1x3x32x32"), "--topk was given without pictures"),
    ],
)
def test_run_when_pictures_and_arrays_mix_then_usage(
    run: Run, classifier: Exported, arguments: tuple[str, ...], text: str
) -> None:
    done = run("run", classifier.package, *arguments)
    assert done.code == USAGE
    assert text in done.err


def huge_png(width: int, height: int) -> bytes:
    """A valid header of a picture that is too large to decode."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def test_run_picture_when_picture_is_huge_then_the_limit_is_named(
    run: Run, classifier: Exported, tmp_path: Path
) -> None:
    path = tmp_path / "huge.png"
    path.write_bytes(huge_png(20_000, 20_000))
    done = run("run", classifier.package, path)
    assert done.code == USAGE
    assert "20000 x 20000 pixels" in done.err


def test_run_picture_when_pictures_are_missing_then_usage(run: Run, classifier: Exported, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.jpg").write_text("hello")
    for path in (tmp_path / "no.jpg", tmp_path / "empty", tmp_path / "text.jpg"):
        assert run("run", classifier.package, path).code == USAGE
    assert run("run", classifier.package, tmp_path / "text.jpg", "--topk", 0).code == USAGE


@pytest.mark.parametrize(
    "arguments", [(), ("dance",), ("run",), ("inspect", "--frob"), ("bench", "x.ptl", "--pool", "sea")]
)
def test_command_line_when_wrong_then_usage(run: Run, arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.code == USAGE
    assert done.err.startswith("edgekit-runner: ")


def test_command_line_when_verb_is_unknown_then_the_verbs_are_named(run: Run) -> None:
    for unknown in ("verfy", "info", "selftest", "classify"):
        done = run(unknown, "x.ptl")
        assert done.code == USAGE
        assert f"unknown verb '{unknown}'; expected one of inspect, verify, run, bench, ops" in done.err


def test_command_line_help_and_version_pass(run: Run) -> None:
    assert "verify" in run("--help").out
    assert run("--version").out.startswith("0.")


@pytest.mark.parametrize("verb", ["inspect", "ops", "--help"])
def test_output_when_disk_is_full_then_usage(runner_command: list[str], classifier: Exported, verb: str) -> None:
    arguments = {"inspect": ["inspect", str(classifier.package), "--json"], "ops": ["ops", "--json"]}.get(verb, [verb])
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*runner_command, *arguments], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == USAGE
    assert "cannot be written" in done.stderr


def change(classifier: Exported, path: Path, edit: Edit) -> Path:
    return rewrite(classifier.package, path, edit, remake_digests=True)


def test_package_when_manifest_and_model_disagree_then_bad_package(
    run: Run, classifier: Exported, tmp_path: Path
) -> None:
    def add_input(manifest: Any) -> None:
        manifest["methods"][0]["inputs"].append({"name": "y", "dtype": "float32", "shape": [4], "low": 0, "high": 1})

    package = change(classifier, tmp_path / "x.ptl", edit_manifest(add_input))
    done = run("run", package, "--input", "1x3x32x32", "--input", "4")
    assert done.code == BAD_PACKAGE
    assert "method forward takes 2 inputs, but that of the model takes (x: Tensor)" in done.err


@pytest.mark.parametrize("wrong", [{"method": "backward"}, {"inputs": []}])
def test_verify_when_golden_case_fits_no_method_then_bad_package(
    run: Run, classifier: Exported, tmp_path: Path, wrong: dict[str, object]
) -> None:
    edit = edit_golden(lambda golden: golden["cases"][0].update(wrong))
    done = run("verify", change(classifier, tmp_path / "x.ptl", edit))
    assert done.code == BAD_PACKAGE
    assert "does not fit the manifest's method" in done.err


def test_package_when_nested_deeply_then_bad_package(run: Run, classifier: Exported, tmp_path: Path) -> None:
    def nest(records: dict[str, bytes]) -> None:
        records[MANIFEST] = b'{"odd": ' + b"[" * 100_000 + b"]" * 100_000 + b", " + records[MANIFEST].lstrip()[1:]

    package = rewrite(classifier.package, tmp_path / "x.ptl", nest, remake_digests=False)
    for verb in ("inspect", "verify"):
        done = run(verb, package)
        assert done.code == BAD_PACKAGE
        assert "nested deeper" in done.err


def test_names_not_utf8_are_accepted(run: Run, classifier: Exported, tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path)
    picture, missing = folder + b"/caf\xe9.jpg", folder + b"/no\xe9.jpg"
    Path(os.fsdecode(picture)).write_bytes((CONFORMANCE / "jpeg_420.jpg").read_bytes())
    done = run("run", classifier.package, os.fsdecode(picture), os.fsdecode(missing), "--json")
    assert done.code == USAGE
    assert len(done.results[0]["labels"]) == 5
    assert "No such file" in done.results[1]["error"]
    package = Path(os.fsdecode(folder + b"/m\xe9.ptl"))
    package.write_bytes(classifier.package.read_bytes())
    assert run("bench", package, "--iterations", 1, "--min-seconds", 0, "--json").code == 0


def test_inspect_when_fields_it_does_not_read_are_odd_then_shown(
    run: Run, classifier: Exported, tmp_path: Path
) -> None:
    edit = edit_manifest(lambda manifest: manifest["provenance"].update(source=5))
    done = run("inspect", change(classifier, tmp_path / "x.ptl", edit))
    assert done.code == 0
    assert "5" in done.out


def test_options_out_of_range_are_usage_or_bounded(run: Run, classifier: Exported) -> None:
    picture = CONFORMANCE / "jpeg_420.jpg"
    done = run("run", classifier.package, picture, "--topk", 10**12, "--json")
    assert done.code == 0
    assert len(done.results[0]["labels"]) == 7
    assert run("bench", classifier.package, "--threads", 2000).code == USAGE
    for bounds in (".,1", "1.2.3,4", "1,1e5"):
        assert run("run", classifier.package, "--input", f"1x3x32x32:float32[{bounds}]").code == USAGE


def test_run_when_output_is_the_model_then_usage_and_the_model_stays(
    run: Run, classifier: Exported, tmp_path: Path
) -> None:
    model, link = tmp_path / "m.ptl", tmp_path / "y.npy"
    model.write_bytes(classifier.package.read_bytes())
    link.symlink_to(model)
    for output in (model, link):
        done = run("run", model, "--input", "1x3x32x32", "-o", output)
        assert done.code == USAGE
        assert "is the model itself" in done.err
    assert model.read_bytes() == classifier.package.read_bytes()


def test_run_writes_all_outputs_or_none(run: Run, nested: Exported, tmp_path: Path) -> None:
    inputs = ("--input", "4x3", "--input", "2:int64[0,3]")
    (tmp_path / "y.1.npy").mkdir()
    done = run("run", nested.package, *inputs, "-o", tmp_path / "y.npy")
    assert done.code == USAGE
    assert "cannot write" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["y.1.npy"]


def test_bench_ops_when_work_is_forked_then_no_crash(run: Run, tmp_path: Path) -> None:
    class Forks(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            future = torch.jit.fork(torch.relu, x)
            return torch.jit.wait(future) + x

    torch.jit.script(Forks()).save(str(tmp_path / "forks.pt"))
    done = run("bench", tmp_path / "forks.pt", "--input", "4", "--iterations", 2, "--min-seconds", 0, "--ops", "--json")
    assert done.code == 0, done.err
    names = {row["name"] for row in done.results[0]["operators"]}
    assert names <= {"aten::add", "aten::relu"}  # not those of other threads
