"""The example `digits`: the held-out accuracy is the same before and after export, and the command line finds the digit."""

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

import edgekit

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "examples" / "digits" / "train.py"


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=environment, check=False)


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("digits_train", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def digits(example):
    return example.load()


@pytest.fixture(scope="module")
def model(example, digits):
    return example.train(digits[0])


@pytest.fixture(scope="module")
def script(tmp_path_factory) -> tuple[Path, list[str]]:
    """Runs the example. Returns the folder that it writes, and the lines that it prints."""
    folder = tmp_path_factory.mktemp("digits")
    done = python(str(SCRIPT), "--folder", str(folder))
    assert done.returncode == 0, done.stderr
    return folder, done.stdout.splitlines()


@pytest.fixture(scope="module")
def package(script) -> Path:
    return script[0] / "digits.ptl"


def test_accuracy_after_export_is_the_same(example, digits, model, package):
    held_out, lite = digits[1], edgekit.load(package)
    before = example.eager_accuracy(model, held_out)
    assert before > 0.95
    assert example.forward_accuracy(lite, held_out) == before
    assert example.predict_accuracy(lite, held_out) == before


def test_script_prints_the_same_accuracy_three_times(example, digits, model, script):
    figures = [line.split()[-1] for line in script[1] if "export, " in line]
    assert figures == 3 * [f"{example.eager_accuracy(model, digits[1]):.4f}"]


def test_held_out_pictures_are_not_trained_on(digits):
    training, held_out = digits
    seen = {picture.tobytes() for picture in training.pictures}
    assert sum(picture.tobytes() in seen for picture in held_out.pictures) == 0
    assert set(held_out.classes.tolist()) == set(range(10))


def test_accuracy_with_shuffled_labels_is_chance(example, digits, model, package):
    held_out, lite = digits[1], edgekit.load(package)
    shuffled = replace(held_out, classes=np.random.default_rng(0).permutation(held_out.classes))
    assert example.eager_accuracy(model, shuffled) < 0.3
    assert example.forward_accuracy(lite, shuffled) < 0.3
    assert example.predict_accuracy(lite, shuffled) < 0.3


def test_package_of_permuted_weights_loses_accuracy(example, digits, model, tmp_path):
    broken = example.DigitNet().eval()
    broken.load_state_dict(model.state_dict())
    with torch.no_grad():
        broken.classifier.weight.copy_(model.classifier.weight.roll(1, dims=0))
    lite = edgekit.load(example.export(broken, tmp_path).package)
    assert example.forward_accuracy(lite, digits[1]) < 0.5


def test_training_is_deterministic(example, digits, model):
    few = replace(digits[0], pictures=digits[0].pictures[:64], classes=digits[0].classes[:64])
    first, second = example.train(few).state_dict(), example.train(few).state_dict()
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    assert not torch.equal(first["classifier.weight"], model.classifier.weight)


def test_run_names_the_digit_in_held_out_pictures(example, script, package):
    pictures = sorted((script[0] / "pictures").iterdir())
    done = python("-m", "edgekit", "run", str(package), *map(str, pictures), "--json")
    assert done.returncode == 0, done.stderr
    named = {Path(result["file"]).name: result["labels"][0]["label"] for result in json.loads(done.stdout)["results"]}
    wanted = {path.name: example.LABELS[int(path.name[0])] for path in pictures}
    assert len(named) == 20
    assert sum(named[name] == label for name, label in wanted.items()) >= 18  # 0.95 of them, rounded down
    assert len(set(named.values())) == 10


def test_run_prints_the_label_first(example, digits, package, tmp_path):
    held_out = digits[1]
    seven = int(np.flatnonzero(held_out.classes == 7)[0])
    one = replace(held_out, pictures=held_out.pictures[seven : seven + 1], classes=held_out.classes[seven : seven + 1])
    assert example.predict_accuracy(edgekit.load(package), one) == 1.0
    picture = tmp_path / "digit.png"
    example.Image.fromarray(one.pictures[0]).save(picture)
    done = python("-m", "edgekit", "run", str(package), str(picture), "--topk", "1")
    assert done.returncode == 0, done.stderr
    assert "seven" in done.stdout


def test_verify_passes(package):
    done = python("-m", "edgekit", "verify", str(package))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "pass" in done.stdout
    assert "RANDOM WEIGHTS" not in done.stdout
