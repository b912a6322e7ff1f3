"""A quantized package names the engine of its weights, which is held while it is loaded and run, and is part of what fits."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import packages
import pytest
import torch
from torch import nn
from torch.ao import quantization

import edgekit
from edgekit import engines
from edgekit.engines import held_engine, needs_engine, supported_engines
from edgekit.errors import PackageError, SourceError, UsageError
from edgekit.format.archive import Archive
from edgekit.runtimes.compat import check_fit

OTHER = next(engine for engine in ("x86", "onednn") if engine in supported_engines())
BOTH = ("qnnpack", OTHER)


@pytest.fixture(autouse=True)
def _quiet_and_restored() -> Iterator[None]:
    before = torch.backends.quantized.engine
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.ao.quantization is deprecated, and people have models of it
        yield
    torch.backends.quantized.engine = before


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.head = nn.LSTM(8, 16), nn.Linear(16, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.lstm(x)[0][-1])


class Convolutional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.quant, self.dequant = quantization.QuantStub(), quantization.DeQuantStub()
        self.conv, self.relu, self.head = nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.dequant(self.head(self.relu(self.conv(self.quant(x))).mean((2, 3))))


def dynamic() -> nn.Module:
    net = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 4)).eval()
    return quantization.quantize_dynamic(net, {nn.Linear}, dtype=torch.qint8)


def recurrent() -> nn.Module:
    return quantization.quantize_dynamic(Recurrent().eval(), {nn.LSTM, nn.Linear}, dtype=torch.qint8)


def static() -> nn.Module:
    net = Convolutional().eval()
    net.qconfig = quantization.get_default_qconfig(torch.backends.quantized.engine)
    quantization.fuse_modules(net, [["conv", "relu"]], inplace=True)
    prepared = quantization.prepare(net)
    for _ in range(4):
        prepared(torch.rand(2, 3, 16, 16) * 4 - 2)
    return quantization.convert(prepared)


MODELS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "dynamic": (dynamic, (3, 16)),
    "recurrent": (recurrent, (5, 1, 8)),
    "static": (static, (1, 3, 16, 16)),
}


def packed(name: str, engine: str) -> nn.Module:
    """A model whose weights are packed for an engine, which is not torch's current one afterwards."""
    torch.manual_seed(0)
    with held_engine(engine):
        module: nn.Module = MODELS[name][0]()
    return module


def exported(module: nn.Module, name: str, path: Path, **options: Any) -> edgekit.ExportReport:
    return edgekit.export(module, ["x".join(map(str, MODELS[name][1]))], name="q", output=path, **options)


def fits_android(package: Path) -> bool:
    with Archive(package) as archive:
        return check_fit(archive, ["android"])[0].fits


@pytest.mark.parametrize("current", BOTH)
@pytest.mark.parametrize("engine", BOTH)
@pytest.mark.parametrize("name", ["dynamic", "recurrent"])
def test_export_finds_and_holds_the_engine_of_the_weights(tmp_path: Path, name: str, engine: str, current: str) -> None:
    module = packed(name, engine)
    torch.backends.quantized.engine = current
    report = exported(module, name, tmp_path / "q.ptl")
    x = torch.rand(*MODELS[name][1]) * 4 - 2
    wanted = module(x).numpy()
    assert edgekit.verify(report.package).passed
    for path in (report.package, report.server):
        assert path is not None
        loaded = edgekit.load(path)
        assert torch.backends.quantized.engine == current
        np.testing.assert_allclose(loaded.run([x.numpy()])["0"], wanted, rtol=1e-5, atol=1e-6)
    recorded = report.manifest.runtime.quantized_engine
    assert recorded is not None
    assert (recorded == "qnnpack") == (engine == "qnnpack")
    assert torch.backends.quantized.engine == current


@pytest.mark.parametrize("engine", BOTH)
@pytest.mark.parametrize("name", MODELS)
def test_only_runtimes_with_the_engine_fit(tmp_path: Path, name: str, engine: str) -> None:
    torch.backends.quantized.engine = engine
    report = exported(packed(name, engine), name, tmp_path / "q.ptl", server=False)
    assert report.manifest.runtime.quantized_engine == engine
    assert ("android-1.12.2" in report.manifest.fits) == fits_android(report.package) == (engine == "qnnpack")
    assert "torch-2.1.0" in report.manifest.fits


def test_compat_names_the_engine_and_the_remedy(tmp_path: Path) -> None:
    torch.backends.quantized.engine = OTHER
    package = exported(packed("dynamic", OTHER), "dynamic", tmp_path / "q.ptl", server=False).package
    with Archive(package) as archive:
        (found,) = check_fit(archive, ["android"])
    assert found.engine == OTHER
    assert found.lacks == (f"engine {OTHER} for quantized weights",)
    assert "--quantized-engine qnnpack" in found.remedy


@pytest.mark.parametrize("name", ["dynamic", "recurrent"])
def test_verify_sees_another_engine_than_that_of_the_weights(tmp_path: Path, name: str) -> None:
    package = exported(packed(name, "qnnpack"), name, tmp_path / "q.ptl", server=False).package
    edit = packages.edit_manifest(lambda manifest: manifest["runtime"].update(quantized_engine=OTHER))
    other = packages.rewrite(package, tmp_path / "other.ptl", edit, remake_digests=False)
    assert edgekit.verify(package).passed
    assert not edgekit.verify(other).passed


def test_runtime_without_the_engine_refuses_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = exported(packed("dynamic", "qnnpack"), "dynamic", tmp_path / "q.ptl")
    monkeypatch.setattr(engines, "supported_engines", lambda: ("fbgemm",))
    for path in (report.package, report.server):
        with pytest.raises(
            PackageError, match=r"q\.pt.* has quantized weights for the engine qnnpack; torch .* has fbgemm"
        ):
            edgekit.load(path)
    with pytest.raises(PackageError, match="the engine qnnpack"):
        edgekit.verify(report.package)


def test_requested_engine_is_used_and_a_difference_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    torch.backends.quantized.engine = OTHER
    options = {"quantized_engine": "qnnpack", "server": False}
    report = exported(packed("dynamic", OTHER), "dynamic", tmp_path / "q.ptl", **options)
    assert report.manifest.runtime.quantized_engine == "qnnpack"
    assert fits_android(report.package)
    assert "with the engine qnnpack its answers differ by" in caplog.text
    caplog.clear()
    exported(packed("dynamic", "qnnpack"), "dynamic", tmp_path / "q.ptl", **options)
    assert "its answers differ" not in caplog.text


def test_requested_engine_that_torch_lacks_is_a_usage_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import edgekit.pipeline

    monkeypatch.setattr(edgekit.pipeline, "supported_engines", lambda: ("qnnpack",))
    with pytest.raises(UsageError, match=r"--quantized-engine fbgemm: torch .* expected one of qnnpack"):
        exported(packed("dynamic", "qnnpack"), "dynamic", tmp_path / "q.ptl", quantized_engine="fbgemm")


@pytest.mark.parametrize("engine", BOTH)
def test_scripted_quantized_model_is_packed_for_the_requested_engine(tmp_path: Path, engine: str) -> None:
    from edgekit.pipeline import export_source
    from edgekit.proving import ExportRequest
    from edgekit.sources.inputs import parse_input
    from edgekit.sources.source import SourceRequest

    torch.jit.save(torch.jit.trace(packed("dynamic", OTHER), torch.rand(3, 16)), tmp_path / "q.pt")
    request = SourceRequest(inputs=(parse_input("3x16"),), quantized_engine=engine)
    options = ExportRequest(output=tmp_path / "made" / "q.ptl", server=False)
    report = export_source(str(tmp_path / "q.pt"), request, options)
    assert report.manifest.runtime.quantized_engine == engine
    assert edgekit.verify(report.package).passed


def test_float16_weights_need_an_engine_that_has_them(tmp_path: Path) -> None:
    """Only on processors for which torch has FBGEMM."""
    torch.backends.quantized.engine = OTHER
    module = quantization.quantize_dynamic(nn.Sequential(nn.Linear(16, 4)).eval(), {nn.Linear}, dtype=torch.float16)
    report = exported(module, "dynamic", tmp_path / "q.ptl", server=False)
    assert report.manifest.runtime.quantized_engine == OTHER


@pytest.mark.parametrize("faked", [False, True])
def test_export_refuses_a_model_that_is_prepared_and_not_converted(tmp_path: Path, faked: bool) -> None:
    net = Convolutional()
    if faked:
        net.qconfig = quantization.get_default_qat_qconfig("qnnpack")
        prepared = quantization.prepare_qat(net.train())
    else:
        net.qconfig = quantization.get_default_qconfig("qnnpack")
        prepared = quantization.prepare(net.eval())
    prepared(torch.rand(2, 3, 16, 16))
    with pytest.raises(SourceError, match=r"prepared for quantization and not converted.*quantization\.convert"):
        exported(prepared.eval(), "static", tmp_path / "q.ptl")
    if faked:  # with its observers off, it is a float model that rounds
        prepared.apply(quantization.disable_observer)
        report = exported(prepared, "static", tmp_path / "q.ptl", server=False)
        assert report.manifest.runtime.quantized_engine is None


def test_scripted_module_takes_inputs_by_name_and_by_position(tmp_path: Path) -> None:
    module = torch.jit.freeze(torch.jit.trace(nn.Linear(4, 2).eval(), torch.rand(1, 4)))
    for given in (["1x4"], {"input": "1x4"}):
        assert edgekit.export(module, given, name="s", output=tmp_path / "s.ptl", server=False).verdict.passed


def test_plain_package_needs_no_engine(tiny: Path) -> None:
    with Archive(tiny) as archive:
        assert archive.manifest is not None
        assert archive.manifest.runtime.quantized_engine is None
    assert not needs_engine(("aten::linear", "aten::quantize_per_tensor", "aten::dequantize.self"))
    assert needs_engine(("aten::quantized_lstm.input",))
    assert needs_engine(("quantized::linear_dynamic",))
