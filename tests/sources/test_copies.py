"""Modules as people have them: pruned, normalized, trained a moment ago, wrapped, in half precision."""

import math
import threading
from collections.abc import Callable
from pathlib import Path

import models
import pytest
import torch
from torch import nn
from torch.nn.utils import prune

import edgekit
from edgekit.errors import CaptureError
from edgekit.sources.copies import detached_copy


def small() -> nn.Module:
    return models.perturb_batchnorm(models.ConvNet()).eval()


def pruned() -> nn.Module:
    model = small()
    for child in model.modules():
        if isinstance(child, nn.Conv2d | nn.Linear):
            prune.l1_unstructured(child, "weight", amount=0.3)
    return model


def normalized() -> nn.Module:
    model = small()
    model.features[0] = nn.utils.weight_norm(model.features[0])
    return model


class Keeps(nn.Module):
    """Keeps its features in a list of an object, as a model straight after training has them."""

    def __init__(self) -> None:
        super().__init__()
        self.net = small()
        self.kept: list[dict[str, torch.Tensor]] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(x)


def trained() -> nn.Module:
    model = Keeps()
    y = model(torch.rand(2, 3, 32, 32))
    model.kept = [{"features": y}]
    y.sum().backward()
    return model.eval()


def answer(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return model(x)


@pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated:FutureWarning")  # the form that older models have
@pytest.mark.parametrize("factory", [pruned, normalized, trained])
def test_export_module_with_computed_tensors(tmp_path: Path, factory: Callable[[], nn.Module]) -> None:
    torch.manual_seed(0)
    model = factory()
    package = edgekit.export(model, ["1x3x32x32"], name="m", output=tmp_path / "m.ptl").package
    x = torch.rand(1, 3, 32, 32)
    found = edgekit.load(package).run([x.numpy()])["0"]
    assert torch.allclose(torch.from_numpy(found), answer(model, x), atol=1e-5)


def test_detached_copy_shares_parameters_and_has_its_own_other_tensors() -> None:
    model = pruned()
    copied = detached_copy(model)
    assert all(a is b for a, b in zip(model.parameters(), copied.parameters(), strict=True))
    assert copied.features[0].weight is not model.features[0].weight
    assert copied.features[0].weight.grad_fn is None
    assert torch.Tensor.__deepcopy__.__qualname__ == "Tensor.__deepcopy__"


def test_export_wrapped_module_exports_what_is_inside_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = small()
    averaged = torch.optim.swa_utils.AveragedModel(nn.DataParallel(model)).eval()
    package = edgekit.export(averaged, ["1x3x32x32"], name="m", output=tmp_path / "m.ptl").package
    assert "the module inside AveragedModel is exported" in caplog.text
    assert "the module inside DataParallel is exported" in caplog.text
    x = torch.rand(1, 3, 32, 32)
    found = edgekit.load(package).run([x.numpy()])["0"]
    assert torch.allclose(torch.from_numpy(found), answer(model, x), atol=1e-5)


class Holds(nn.Module):
    """Holds what Python cannot copy: in attributes, in an object, and in forward."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.lock, self.steps = nn.Linear(4, 3), threading.RLock(), (step for step in range(3))
        self.config = {"lock": self.lock, "library": math, "names": {"a": 1}.keys()}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with self.lock:
            return self.fc(x)


def test_export_module_with_attributes_that_cannot_be_copied_shares_them(tmp_path: Path) -> None:
    model = Holds().eval()
    copied = detached_copy(model)
    assert copied.lock is model.lock is copied.config["lock"]
    assert copied.config is not model.config
    edgekit.export(model, ["2x4"], name="m", output=tmp_path / "m.ptl", server=False)


class Single(nn.Linear):
    def __deepcopy__(self, _memo: object) -> nn.Module:
        raise RuntimeError("there is only one")


def test_export_module_that_refuses_a_copy_is_named(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="Single cannot be deep-copied: there is only one"):
        edgekit.export(nn.Sequential(Single(4, 3)), ["2x4"], name="m", output=tmp_path / "m.ptl")


class HasModule(nn.Module):
    """Its attribute is called module, and what it adds must not be lost."""

    def __init__(self) -> None:
        super().__init__()
        self.module = small()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.module(x - 0.5)


def test_export_module_with_an_attribute_called_module_is_exported_whole(tmp_path: Path) -> None:
    model = HasModule().eval()
    package = edgekit.export(model, ["1x3x32x32"], name="m", output=tmp_path / "m.ptl").package
    x = torch.rand(1, 3, 32, 32)
    found = edgekit.load(package).run([x.numpy()])["0"]
    assert torch.allclose(torch.from_numpy(found), answer(model, x), atol=1e-5)


class Extractor(nn.Module):
    """Returns what hooks saved, as feature extractors do. The hooks are closures over the module."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
        self.found = {name: torch.empty(0) for name in ("0", "1")}
        for name in self.found:
            self.net.get_submodule(name).register_forward_hook(self.saving(name))

    def saving(self, name: str) -> Callable[..., None]:
        def save(_module: nn.Module, _inputs: object, output: torch.Tensor, *, scale: float = 2.0) -> None:
            self.found[name] = output * scale

        return save

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"y": self.net(x), **self.found}


def test_export_module_whose_hooks_enclose_it_has_their_values(tmp_path: Path) -> None:
    model = Extractor().eval()
    package = edgekit.export(model, ["2x4"], name="m", output=tmp_path / "m.ptl").package
    assert all(value.numel() == 0 for value in model.found.values())
    x = torch.randn(2, 4)
    found = edgekit.load(package).run([x.numpy()])
    for name, wanted in model(x).items():
        assert torch.allclose(torch.from_numpy(found[name]), wanted, atol=1e-5), name


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_export_half_module_is_exported_in_float32_and_stays_half(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, dtype: torch.dtype
) -> None:
    model = small().to(dtype)
    report = edgekit.export(model, ["1x3x32x32"], name="m", output=tmp_path / "m.ptl")
    assert "a float32 copy on the CPU is exported" in caplog.text
    assert report.manifest.methods[0].inputs[0].dtype == "float32"
    assert {parameter.dtype for parameter in model.parameters()} == {dtype}


def test_export_half_torchscript_is_exported_in_float32(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    module = torch.jit.script(nn.Linear(4, 2).half())
    report = edgekit.export(module, ["2x4"], name="m", output=tmp_path / "m.ptl", server=False)
    assert report.manifest.methods[0].outputs[0].dtype == "float32"
    assert "m is float16; a float32 copy on the CPU is exported" in caplog.text


class Codec(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down, self.up = nn.Linear(8, 3), nn.Linear(3, 8)

    @torch.jit.export
    def encode(self, x: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.down(x))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.up(self.encode(x))


@pytest.mark.parametrize("scripted", [False, True])
def test_export_methods_that_a_package_will_not_have_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, scripted: bool
) -> None:
    model = Codec().eval()
    edgekit.export(torch.jit.script(model) if scripted else model, ["2x8"], name="m", output=tmp_path / "m.ptl")
    assert "m: the package will not have encode; --method NAME:SHAPE exports them" in caplog.text
