"""The integer generator makes the same bits as those in C++ and Kotlin."""

import hashlib
import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from edgekit.format.generator import generate, stored
from edgekit.format.golden import GoldenInput
from edgekit.format.schema import DTYPES

CASES = json.loads((Path(__file__).parents[1] / "conformance" / "generator.json").read_text())["cases"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['input']['dtype']}-{case['input']['seed']}")
def test_generate_conformance_case_gives_its_bits(case: dict[str, Any]) -> None:
    spec = msgspec.convert(case["input"], GoldenInput)
    values = generate(spec)
    assert (str(values.dtype), values.shape) == (spec.dtype, spec.shape)
    assert hashlib.sha256(values.tobytes()).hexdigest() == case["sha256"]
    assert values.reshape(-1)[:8].tolist() == case["first"]


def test_generate_other_seed_gives_other_bits() -> None:
    first, second = (
        generate(GoldenInput(name="x", dtype="float32", shape=(64,), seed=seed, low=-1.0, high=1.0)) for seed in (1, 2)
    )
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0, 3), (2, 3, 4)])
def test_stored_array_comes_back(dtype: str, shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(0).integers(0, 100, shape[::-1])
    array = np.asarray((values % 2 if dtype == "bool" else values).astype(dtype)).T  # not C-contiguous
    found = generate(stored("x", array))
    assert (found.dtype, found.shape) == (array.dtype, array.shape)
    assert np.array_equal(found, array)


def test_stored_array_keeps_infinities_and_signs_of_zero() -> None:
    array = np.array([-np.inf, np.inf, -0.0, 1e-45, 3e38], np.float32)
    assert generate(stored("x", array)).tobytes() == array.tobytes()
