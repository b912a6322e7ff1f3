"""`edgekit.load`: it gives the answers of the eager model, and an error instead of a wrong answer."""

from pathlib import Path

import models
import numpy as np
import pytest
import torch
from packages import rewrite, scale_largest_weight
from signatures import WRONG_CALLS, save_signature
from torch import nn

import edgekit
from edgekit.errors import DeviceError, EdgekitError, PackageError, UsageError
from edgekit.model import LiteModel, ServerModel


@pytest.fixture(scope="module")
def eager() -> torch.nn.Module:
    torch.manual_seed(0)
    return models.conv_net().eval()


@pytest.fixture(scope="module")
def lite(tiny: Path) -> LiteModel:
    model = edgekit.load(tiny)
    assert isinstance(model, LiteModel)
    return model


def test_load_package_gives_the_eager_answer(lite: LiteModel, eager: torch.nn.Module) -> None:
    x = torch.randn(3, 3, 40, 48, generator=torch.Generator().manual_seed(5))
    expected = eager(x).detach().numpy()
    np.testing.assert_allclose(lite.run([x.numpy()])["0"], expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(lite.run({"x": x.numpy()})["0"], expected, rtol=1e-4, atol=1e-5)


def test_load_server_file_gives_the_eager_answer(tiny: Path, eager: torch.nn.Module) -> None:
    model = edgekit.load(tiny.with_suffix(".pt"))
    assert isinstance(model, ServerModel)
    x = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(6))
    expected = eager(x).detach().numpy()
    np.testing.assert_allclose(model(x).numpy(), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(model.run([x.numpy()])["0"], expected, rtol=1e-4, atol=1e-5)


def test_predict_ranks_all_classes(lite: LiteModel) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (50, 60, 3), dtype=np.uint8)
    ranked = lite.predict(picture, topk=9)
    assert {label for label, _ in ranked} == {"ant", "bee", "cat", "dög", "emu\\n"}
    scores = [score for _, score in ranked]
    assert scores == sorted(scores, reverse=True)
    assert sum(scores) == pytest.approx(1.0, abs=1e-5)


GOOD = np.zeros((1, 3, 32, 32), np.float32)


@pytest.mark.parametrize(
    ("inputs", "match"),
    [
        ([], "got 0 inputs; expected x: float32"),
        ([GOOD, GOOD], "got 2 inputs"),
        ([GOOD[:, :1]], r"is float32 \[1, 1, 32, 32\]; expected x: float32 \[1\.\.4, 3, 7\.\.128, 7\.\.128\]"),
        ([np.zeros((1, 4, 32, 32), np.float32)], "expected x"),
        ([GOOD.transpose(0, 2, 3, 1)], "expected x"),
        ([GOOD[0]], "expected x"),
        ([GOOD.astype(np.float64)], "is float64"),
        ([np.full_like(GOOD, np.nan)], "has NaN elements; expected numbers"),
        ({"y": GOOD}, r"named \(y\); expected \(x\)"),
    ],
)
def test_run_inputs_that_do_not_fit_are_usage_errors(lite: LiteModel, inputs: object, match: str) -> None:
    with pytest.raises(UsageError, match=match):
        lite.run(inputs)


def test_run_unknown_method_lists_the_known_ones(lite: LiteModel) -> None:
    with pytest.raises(UsageError, match="has no method 'embed'; it has forward, predict"):
        lite.run([GOOD], "embed")


def test_run_overflowing_inputs_are_a_device_error(lite: LiteModel) -> None:
    with pytest.raises(DeviceError, match="NaN or infinity in output 0 for finite inputs"):
        lite.run([np.full_like(GOOD, 3e38)])
    with pytest.raises(DeviceError, match="NaN or infinity in output 0 for infinite inputs"):
        lite.run([np.full_like(GOOD, np.inf)])


@pytest.mark.parametrize("shape", [(30, 30), (30, 30, 4), (1, 30, 30, 3)])
def test_predict_arrays_that_are_not_pictures_are_usage_errors(lite: LiteModel, shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="expected image: uint8"):
        lite.predict(np.zeros(shape, np.uint8))


class Returns(nn.Module):
    """Returns its input, a view of its weight, and a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Linear(4, 3)
        self.register_buffer("anchors", torch.rand(2, 2))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return x, self.net(x), self.net.weight[:2], self.anchors


@pytest.mark.parametrize("suffix", [".ptl", ".pt"])
def test_run_outputs_share_no_memory_with_inputs_or_with_the_model(tmp_path: Path, suffix: str) -> None:
    edgekit.export(Returns().eval(), ["2x4"], output=tmp_path / "m.ptl")
    loaded = edgekit.load(tmp_path / f"m{suffix}")
    x = np.ones((2, 4), np.float32)
    first = {name: value.copy() for name, value in loaded.run([x]).items()}
    for value in loaded.run([x]).values():
        value[...] = 7.0
    assert (x == 1.0).all()
    for name, value in loaded.run([x]).items():
        np.testing.assert_array_equal(value, first[name])


class Counts(nn.Module):
    """Returns the buffer that each run changes in place."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("count", torch.zeros(1))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        self.count += 1
        return x * 2, self.count


def test_export_model_that_returns_a_buffer_that_it_changes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EdgekitError, match="keeps state between calls"):
        edgekit.export(Counts().eval(), ["2x4"], output=tmp_path / "m.ptl", server=False)


def test_load_changed_package_is_refused_before_torch_reads_it(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="was changed"):
        edgekit.load(rewrite(tiny, tmp_path / "x.ptl", scale_largest_weight, remake_digests=False))


@pytest.mark.parametrize("version", [b"9" * 25, b"-3", b"", b"x"])
def test_load_odd_version_of_torch_is_a_package_error(tiny: Path, tmp_path: Path, version: bytes) -> None:
    def edit(records: dict[str, bytes]) -> None:
        records["version"] = version

    changed = rewrite(tiny, tmp_path / "v.ptl", edit, remake_digests=True)
    with pytest.raises(PackageError, match=r"v\.ptl"):
        edgekit.load(changed)


def test_predict_without_labels_in_its_answer_is_a_package_error(
    lite: LiteModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lite, "run", lambda *_: {"0": np.zeros(9, np.float32)})
    with pytest.raises(PackageError, match="predict returns 0; expected scores in 0 and labels in 1"):
        lite.predict(np.zeros((8, 8, 3), np.uint8))


def test_load_plain_package_checks_the_number_of_inputs(tmp_path: Path) -> None:
    scripted = torch.jit.script(torch.nn.Linear(3, 2).eval())
    scripted._save_for_lite_interpreter(str(tmp_path / "plain.ptl"))
    model = edgekit.load(tmp_path / "plain.ptl")
    assert isinstance(model, LiteModel)
    assert model.run([np.zeros((1, 3), np.float32)])["0"].shape == (1, 2)
    with pytest.raises(UsageError, match=r"takes \(.*: Tensor\), got 2 tensors\. Pass"):
        model.run([np.zeros((1, 3), np.float32)] * 2)


@pytest.mark.parametrize(("name", "count", "text", "remedy"), WRONG_CALLS)
def test_run_plain_package_whose_method_takes_other_values(
    tmp_path: Path, name: str, count: int, text: str, remedy: str
) -> None:
    model = edgekit.load(save_signature(name, tmp_path))
    assert isinstance(model, LiteModel)
    with pytest.raises(UsageError) as raised:
        model.run([np.ones(3, np.float32)] * count)
    assert text in str(raised.value)
    assert remedy in str(raised.value)


def test_run_leaves_out_a_parameter_with_a_default(tmp_path: Path) -> None:
    model = edgekit.load(save_signature("doubled", tmp_path))
    assert isinstance(model, LiteModel)
    assert model.run([np.ones(3, np.float32)])["0"].tolist() == [2, 2, 2]


@pytest.mark.parametrize("name", ["missing.pt", "missing.ptl"])
def test_load_missing_file_is_a_package_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(PackageError, match="does not exist"):
        edgekit.load(tmp_path / name)


def test_load_text_as_server_file_is_a_package_error(tmp_path: Path) -> None:
    (tmp_path / "x.pt").write_text("hello")
    with pytest.raises(PackageError, match="not a TorchScript file"):
        edgekit.load(tmp_path / "x.pt")
