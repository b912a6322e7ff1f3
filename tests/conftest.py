"""What every test shares."""

from pathlib import Path

import pytest

from edgekit.threads import prepare_process

prepare_process()  # before torch is imported

import torch  # noqa: E402


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of a tiny image classifier with labels; tests copy it before they change it."""
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
