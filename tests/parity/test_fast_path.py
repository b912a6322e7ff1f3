"""Where torch's fused transformer path changes the eager answer, it is said and recorded."""

from pathlib import Path

import models
import numpy as np
import pytest
import torch
from torch import nn

import edgekit
from edgekit.parity import fast_path

INPUTS = {"ids": "3x7:int64[0,19]", "lengths": "3:int64[1,7]"}


def exported(module: nn.Module, inputs: object, path: Path) -> edgekit.ExportReport:
    return edgekit.export(module.eval(), inputs, name="m", output=path, server=False)  # type: ignore[arg-type]


def test_export_records_and_says_that_the_fused_path_differs(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    module = models.PaddedEncoder(nested=True).eval()
    error = exported(module, INPUTS, tmp_path / "m.ptl").manifest.capture.fast_path_error
    assert error is not None
    assert 0.1 < error < 10.0
    assert f"differs by {error:.1e} on probe" in caplog.text
    assert "(0.0 with it" in caplog.text
    ids, lengths = torch.arange(21).reshape(3, 7) % 20, torch.tensor([7, 4, 2])
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.no_grad():
            plain = module(ids, lengths).numpy()
    finally:
        torch.backends.mha.set_fastpath_enabled(True)
    with torch.no_grad():
        assert np.abs(module(ids, lengths).numpy() - plain).max() > 0.1  # the fault is there to be seen
    loaded = edgekit.load(tmp_path / "m.ptl")
    np.testing.assert_allclose(loaded.run([ids.numpy(), lengths.numpy()])["0"], plain, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("module", "inputs"),
    [
        (models.PaddedEncoder(nested=False), INPUTS),
        (models.small_encoder(), ["2x6x32"]),
        (models.conv_net(), ["1x3x32x32"]),
    ],
)
def test_export_says_nothing_where_the_fused_path_agrees(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, module: nn.Module, inputs: object
) -> None:
    assert exported(module, inputs, tmp_path / "m.ptl").manifest.capture.fast_path_error is None
    assert "fused transformer path" not in caplog.text


def test_models_without_fused_layers_are_not_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_path, "detached_copy", None)
    exported(models.conv_net(), ["1x3x32x32"], tmp_path / "m.ptl")
    with pytest.raises(TypeError):
        exported(models.small_encoder(), ["2x6x32"], tmp_path / "m.ptl")
    assert fast_path._has_fused_layers(torch.jit.script(nn.MultiheadAttention(8, 2)))
