"""The command line of host-cli: arrays, documents and exit codes are those of edgekit. Needs `make android-runtime`."""

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from schemas import validate

from edgekit.model import LiteModel
from edgekit.runtimes.android import AndroidRuntime

DEMO = Path(__file__).parents[2] / "android_demo"
PICTURE = Path(__file__).parents[1] / "conformance" / "images" / "jpeg_444.expected.png"
FOLDERS = (DEMO / "aars/target/aar/jni", DEMO / "host-cli/target/host")
pytestmark = pytest.mark.skipif(bool(AndroidRuntime().missing()), reason="make android-runtime has not run here")


def call(verb: str, *words: object) -> subprocess.CompletedProcess[str]:
    command = ["java", "-cp", f"{DEMO}/host-cli/target/lib/*", "dev.edgekit.hostcli.MainKt", verb, *FOLDERS, *words]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)


def rows(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert set(document) == {"schema_version", "context", "results"}
    results: list[dict[str, Any]] = document["results"]
    return results


def save(folder: Path, name: str, array: object) -> Path:
    np.save(folder / name, np.asarray(array))
    return folder / name


def test_run_arrays_by_name_into_a_folder_gives_what_python_gives(two_inputs: Path, tmp_path: Path) -> None:
    model = LiteModel(two_inputs)
    assert model.manifest is not None
    specs = {method.name: method for method in model.manifest.methods}["forward"].inputs
    generator = np.random.default_rng(0)
    arrays = {
        spec.name: (
            generator.uniform(-1, 1, (1, 6)).astype(spec.dtype)
            if spec.dtype.startswith("float")
            else np.ones((1, 6), spec.dtype)
        )
        for spec in specs
    }
    words = [
        w
        for name, array in reversed(arrays.items())
        for w in ("--input", f"{name}={save(tmp_path, name + '.npy', array)}")
    ]
    out = tmp_path / "out"
    out.mkdir()
    found = rows(call("run", two_inputs, "--method", "forward", *words, "-o", out))
    expected = model.run(arrays, "forward")
    assert [row["output"] for row in found] == list(expected)
    for row in found:
        array = np.load(out / row["file"])
        assert (str(array.dtype), list(array.shape)) == (row["dtype"], row["shape"])
        np.testing.assert_allclose(array, expected[row["output"]], rtol=1e-5, atol=1e-6)


def test_run_one_output_goes_to_the_named_file(tiny: Path, tmp_path: Path) -> None:
    picture = save(tmp_path, "x.npy", np.zeros((1, 3, 32, 32), np.float32))
    (row,) = rows(call("run", tiny, "--input", picture, "-o", tmp_path / "y.npy"))
    assert row["file"] == "y.npy"
    np.testing.assert_allclose(
        np.load(tmp_path / "y.npy"), LiteModel(tiny).run([np.load(picture)])["0"], rtol=1e-5, atol=1e-6
    )


def test_run_a_dtype_that_models_do_not_take_ends_with_2_and_one_line(tiny: Path, tmp_path: Path) -> None:
    """The JUnit tests of host-cli cover the other mistakes."""
    half = save(tmp_path, "half.npy", np.zeros((1, 3, 32, 32), np.float16))
    done = call("run", tiny, "--input", half, "-o", tmp_path / "y.npy")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith("half.npy holds <f2; expected one of float32")


def test_what_is_not_a_package_ends_with_3(tmp_path: Path) -> None:
    path = tmp_path / "x.ptl"
    path.write_text("text")
    assert call("verify", path).returncode == 3


@pytest.mark.parametrize("kind", ["verify", "bench", "run-arrays", "run-pictures"])
def test_document_of_each_verb_fits_its_schema(tiny: Path, tmp_path: Path, kind: str) -> None:
    array = save(tmp_path, "x.npy", np.zeros((1, 3, 32, 32), np.float32))
    commands: dict[str, tuple[object, ...]] = {
        "verify": ("verify", tiny),
        "bench": ("bench", tiny, "--iterations", "2", "--warmup", "0"),
        "run-arrays": ("run", tiny, "--input", array, "-o", tmp_path / "y.npy"),
        "run-pictures": ("run", tiny, PICTURE),
    }
    verb, *words = commands[kind]
    done = call(str(verb), *words)
    assert done.returncode == 0, done.stderr
    validate(json.loads(done.stdout), kind)
