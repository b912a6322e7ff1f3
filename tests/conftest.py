"""Fixtures for all tests. Packages are exported once per session, or once per worker under xdist."""

import os
import signal
from pathlib import Path

import lanes
import pytest
import torch

from edgekit.threads import share_cores

# The tests see what this process and the runner's print and raise; tests of isolation ask for it.
os.environ["EDGEKIT_ISOLATE"] = "never"

# Two workers of xdist whose pools wait for each other's cores take three times as long.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["OMP_NUM_THREADS"] = "1"
    share_cores(1)

# Background jobs of a shell ignore SIGINT, and child processes inherit that. With a handler here, they do not.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)  # before `-m` selects
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    lanes.assign(items)


@pytest.fixture(autouse=True)
def _same_weights_in_every_run() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of a tiny image classifier with labels. A test must copy it before changing it."""
    import models

    import edgekit

    torch.manual_seed(0)
    report = edgekit.export(
        models.conv_net().eval(),
        ["1x3x32x32"],
        name="tiny",
        output=tmp_path_factory.mktemp("tiny") / "tiny.ptl",
        image=edgekit.ImageSpec(resize=36, crop=32, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)),
        labels=["ant", "bee", "cat", "dög", "emu\\n"],
    )
    return report.package


@pytest.fixture(scope="session")
def two_inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of a model with two named inputs, and a dict with two outputs."""
    import models

    import edgekit

    torch.manual_seed(0)
    inputs = ["ids=1x6:int64[0,49]", "mask=1x6:float32[0,1]"]
    output = tmp_path_factory.mktemp("two_inputs") / "two_inputs.ptl"
    return edgekit.export(models.TwoInputs(), inputs, name="two_inputs", output=output).package


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A `.ptl` that torch wrote, without edgekit's records. It takes float32 [4]."""
    from packages import torch_made

    torch.manual_seed(0)
    return torch_made(torch.nn.Linear(4, 3), torch.rand(4), tmp_path_factory.mktemp("plain") / "plain.ptl")
