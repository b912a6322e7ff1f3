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
    return edgekit.export(module.eval(), inputs, name="m", output=path, server=False)


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


class Masked(nn.Module):
    """Takes a padding mask. A mask drawn at random is not padding at the end, so the fused path does not run for it."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind, self.table = kind, nn.Embedding(20, 16)
        self.layers = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 32, batch_first=True), 1)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        if mask is None:
            mask = ids == 0
        return self.layers(self.table(ids), src_key_padding_mask=mask == 0 if self.kind == "keep" else mask)


@pytest.mark.parametrize(
    ("kind", "inputs"),
    [
        ("pad", ["2x12:int64[1,19]", "2x12:bool"]),
        ("keep", ["2x12:int64[1,19]", "2x12:int64[0,1]"]),
        ("ids", ["2x12:int64[0,19]"]),
    ],
)
def test_export_finds_a_fused_path_that_only_padding_at_the_end_starts(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str, inputs: list[str]
) -> None:
    error = exported(Masked(kind), inputs, tmp_path / "m.ptl").manifest.capture.fast_path_error
    assert error is not None
    assert error > 0.1
    assert "fused transformer path" in caplog.text


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
