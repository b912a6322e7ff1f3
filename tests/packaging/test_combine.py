"""Several methods in one package: each captured, judged and replayed as `forward` is, the weights stored once."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import models
import numpy as np
import pytest
import torch
from packages import rewrite, scale_largest_weight
from torch import Tensor, nn

import edgekit
from edgekit.errors import CaptureError, ParityError, SourceError, UsageError
from edgekit.format.archive import Archive
from edgekit.format.generator import generate
from edgekit.format.golden import GoldenCase
from edgekit.format.schema import Tolerance
from edgekit.packaging import draft
from edgekit.packaging.golden import golden_cases
from edgekit.parity.comparison import Reference
from edgekit.sources.inputs import parse_input
from edgekit.sources.methods import requested_methods


class Codec(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 64, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.Conv2d(64, 96, 3, bias=False)
        )
        self.norm, self.down, self.up = nn.BatchNorm2d(96), nn.Linear(96, 32), nn.Linear(32, 96)

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        return torch.tanh(self.down(self.norm(self.body(x)).mean((2, 3))))

    @torch.jit.export
    def decode(self, z: Tensor, scale: Tensor) -> dict[str, Tensor]:
        if bool(z.sum() > 0):
            return {"y": self.up(z) * scale, "scale": scale * 2}
        return {"y": self.up(-z), "scale": scale * 3}

    def tokens(self, ids):
        return self.up.weight[ids]

    def spread(self, _: Tensor) -> list[Tensor]:
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        return self.up(self.encode(x))


METHODS: dict[str, Any] = {
    "encode": "1x3x16x16",
    "decode": {"z": "1x32", "scale": "1x1:float32[0.5,1]"},
    "tokens": (np.array([3, 1, 2]),),
}


def made() -> nn.Module:
    torch.manual_seed(0)
    return models.perturb_batchnorm(Codec().eval())


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("combine")
    return edgekit.export(made(), "1x3x16x16", methods=METHODS, name="m", output=folder / "m.ptl").package


def test_export_methods_have_their_own_inputs_and_cases(package: Path) -> None:
    with Archive(package) as archive:
        assert archive.manifest is not None
        assert archive.golden is not None
        methods = {method.name: method for method in archive.manifest.methods}
        cases = [case.name for case in archive.golden.cases]
        named = {case.name: case for case in archive.golden.cases}
    assert list(methods) == ["forward", "encode", "decode", "tokens"]
    assert [spec.name for spec in methods["decode"].inputs] == ["z", "scale"]
    assert [spec.name for spec in methods["decode"].outputs] == ["y", "scale"]
    assert methods["decode"].structure == "{'y': *, 'scale': *}"
    for name in methods:
        assert sum(case.startswith(f"{name}: ") for case in cases) >= 2
    assert generate(named["tokens: the given sample"].inputs[0]).tolist() == [3, 1, 2]
    assert edgekit.verify(package).passed


def test_export_capture_and_passes_of_each_method_are_recorded(package: Path) -> None:
    manifest = edgekit.load(package).manifest
    assert manifest is not None
    capture = manifest.capture
    assert {"seed 1", "encode: seed 1", "decode: seed 1"} <= {probe.name for probe in capture.probes}
    assert "; decode: script, trace differs on" in capture.reason
    assert capture.methods_left_out == ()
    assert {"freeze", "encode: freeze", "decode: optimize_for_mobile"} <= {step.name for step in manifest.recipe.passes}


def test_run_methods_give_the_eager_answers(package: Path) -> None:
    model, loaded = made(), edgekit.load(package)
    for seed in range(6):
        generator = torch.Generator().manual_seed(seed)
        x = torch.randn(2, 3, 20, 16, generator=generator)
        z, scale = torch.randn(1, 32, generator=generator), torch.rand(1, 1, generator=generator)
        ids = torch.tensor([seed, 0, 5])
        for method, inputs in (("encode", (x,)), ("decode", (z, scale)), ("tokens", (ids,)), ("forward", (x,))):
            expected = getattr(model, method)(*inputs)
            expected = expected if isinstance(expected, dict) else {"0": expected}
            found = loaded.run([tensor.numpy() for tensor in inputs], method)
            assert list(found) == list(expected)
            for name, value in expected.items():
                np.testing.assert_allclose(found[name], value.detach().numpy(), atol=1e-5)


@pytest.mark.parametrize("recipe", ["mobile", "frozen", "none"])
def test_export_methods_share_their_weights_in_the_file(tmp_path: Path, recipe: str) -> None:
    alone = edgekit.export(made(), "1x3x16x16", output=tmp_path / "a.ptl", recipe=recipe, server=False).package
    both = edgekit.export(
        made(), "1x3x16x16", methods={"encode": "1x3x16x16"}, output=tmp_path / "b.ptl", recipe=recipe, server=False
    ).package
    sizes = []
    for path in (alone, both):
        with Archive(path) as archive:
            sizes.append(sum(r.size_bytes for r in archive.records if r.name.startswith(("constants/", "data/"))))
    assert sizes[0] > 250_000
    assert sizes[1] < 1.02 * sizes[0]  # without a freeze, each method has the statistics of BatchNorm


def test_export_twice_with_methods_gives_the_same_bytes(package: Path, tmp_path: Path) -> None:
    again = edgekit.export(made(), "1x3x16x16", methods=METHODS, name="m", output=tmp_path / "m.ptl", server=False)
    assert again.package.read_bytes() == package.read_bytes()


def test_verify_changed_weight_fails_in_every_method_that_uses_it(package: Path, tmp_path: Path) -> None:
    changed = rewrite(package, tmp_path / "x.ptl", scale_largest_weight, remake_digests=True)
    failed = {result.case.partition(": ")[0] for result in edgekit.verify(changed).failed}
    assert failed == {"forward", "encode"}


class BrokenEncoder(Codec):
    """Its trace keeps one branch of `encode`; no capture follows the other."""

    @torch.jit.unused
    def chosen(self, x: Tensor) -> Tensor:
        return x * 2 if float(x.sum()) > 0 else x - 1  # only traced

    def encode(self, x: Tensor, *_: Tensor) -> Tensor:
        return self.chosen(x)

    def forward(self, x: Tensor) -> Tensor:
        return x * 3


def test_export_method_that_no_capture_follows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=r"BrokenEncoder\.encode cannot be captured"):
        edgekit.export(BrokenEncoder().eval(), "1x3", methods={"encode": "1x3"}, output=tmp_path / "m.ptl")
    assert list(tmp_path.iterdir()) == []


def test_export_method_that_the_saved_file_gets_wrong_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The golden cases of `encode` expect other answers than the saved file gives."""

    def shifted(
        references: Sequence[Reference], tolerance: Tolerance, method: str, _: object
    ) -> tuple[GoldenCase, ...]:
        moved = [
            replace(r, outputs={name: value + np.float32(0.01) for name, value in r.outputs.items()})
            for r in references
        ]
        return golden_cases(moved if method == "encode" else references, tolerance, method)

    monkeypatch.setattr(draft, "golden_cases", shifted)
    with pytest.raises(ParityError, match="disagrees with the eager model on case 'encode: seed 1'"):
        edgekit.export(made(), "1x3x16x16", methods={"encode": "1x3x16x16"}, output=tmp_path / "m.ptl")
    assert list(tmp_path.iterdir()) == []


class Saturated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def squeezed(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.fc(x) * 1e-6)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x)


def test_export_method_whose_answers_hardly_differ_is_unproven(tmp_path: Path) -> None:
    with pytest.raises(ParityError, match="output 0 of squeezed is UNPROVEN"):
        edgekit.export(Saturated().eval(), "2x4", methods={"squeezed": "2x4"}, output=tmp_path / "m.ptl")
    assert list(tmp_path.iterdir()) == []


def test_export_left_out_methods_are_reported_and_recorded(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    report = edgekit.export(
        made(), "1x3x16x16", methods={"tokens": "3:int64[0,9]"}, output=tmp_path / "m.ptl", server=False
    )
    assert report.manifest.capture.methods_left_out == ("encode", "decode")
    assert "the package will not have encode, decode; --method NAME:SHAPE exports them" in caplog.text


def test_export_server_file_without_the_other_methods_is_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    edgekit.export(made(), "1x3x16x16", methods={"encode": "1x3x16x16"}, output=tmp_path / "m.ptl")
    assert "the server's file has forward alone, without encode" in caplog.text


class NoForward(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(8, 3)

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        return self.fc(x)

    def decode(self, z: Tensor) -> Tensor:
        return torch.mm(z, self.fc.weight)


@pytest.mark.parametrize("names", [["encode"], ["decode", "encode"]])
def test_export_module_without_forward(tmp_path: Path, names: list[str]) -> None:
    shapes = {"encode": "1x8", "decode": "1x3"}
    model = NoForward().eval()
    report = edgekit.export(model, methods={name: shapes[name] for name in names}, output=tmp_path / "m.ptl")
    assert [method.name for method in report.manifest.methods] == names
    assert report.server is None
    assert edgekit.verify(report.package).passed
    x = torch.rand(2, 8)
    found = edgekit.load(report.package).run([x.numpy()], "encode")["0"]
    np.testing.assert_allclose(found, model.encode(x).detach().numpy(), atol=1e-6)
    with pytest.raises(UsageError, match="has no method 'forward'"):
        edgekit.load(report.package).run([x.numpy()])


def test_export_methods_of_torchscript(tmp_path: Path) -> None:
    scripted = torch.jit.script(made())
    report = edgekit.export(
        scripted, "1x3x16x16", methods={"decode": {"scale": "1x1", "z": "1x32"}}, output=tmp_path / "m.ptl"
    )
    assert [method.name for method in report.manifest.methods] == ["forward", "decode"]
    assert [spec.name for spec in report.manifest.methods[1].inputs] == ["z", "scale"]
    assert report.manifest.capture.methods_left_out == ("encode",)


def test_export_classifier_with_another_method(tmp_path: Path) -> None:
    class Features(models.ConvNet):
        def embed(self, x: Tensor) -> Tensor:
            return self.features(x).flatten(1)

    torch.manual_seed(0)
    model = models.perturb_batchnorm(Features().eval())
    image = edgekit.ImageSpec(resize=36, crop=32, mean=(0.5,) * 3, std=(0.5,) * 3)
    report = edgekit.export(
        model, "1x3x32x32", image=image, methods={"embed": "1x3x32x32"}, output=tmp_path / "m.ptl", server=False
    )
    assert [method.name for method in report.manifest.methods] == ["forward", "predict", "embed"]
    assert edgekit.verify(report.package).passed
    assert {result.case.partition(": ")[0] for result in report.verdict.results} == {"forward", "predict", "embed"}


class Predicts(models.ConvNet):
    def predict(self, x: Tensor) -> Tensor:
        return self.forward(x)


def test_export_image_contract_and_a_method_predict_is_a_usage_error(tmp_path: Path) -> None:
    image = edgekit.ImageSpec(resize=36, crop=32, mean=(0.5,) * 3, std=(0.5,) * 3)
    with pytest.raises(UsageError, match="the image contract adds a method predict"):
        edgekit.export(
            Predicts().eval(), "1x3x32x32", image=image, methods={"predict": "1x3x32x32"}, output=tmp_path / "m.ptl"
        )


def test_export_unfrozen_package_has_only_the_methods_of_its_manifest(tmp_path: Path) -> None:
    report = edgekit.export(made(), "1x3x16x16", recipe="none", output=tmp_path / "m.ptl", server=False)
    with Archive(report.package) as archive:
        assert [method.name for method in archive.bytecode.methods] == ["forward"]


@pytest.mark.parametrize(
    ("module", "forward", "methods", "error", "message"),
    [
        (Codec, "1", {"encod": "1"}, UsageError, r"has no method 'encod' to export\. Did you mean encode\?"),
        (Codec, "1", {"body": "1"}, UsageError, "has no method 'body' to export"),
        (Codec, "1", {"train": "1"}, UsageError, "has no method 'train' to export"),
        (Codec, "1", {"zzz": "1"}, UsageError, "It has decode, encode, spread, tokens"),
        (Codec, "1", {"forward": "1"}, UsageError, "the inputs of forward are those of --input"),
        (NoForward, "", {}, SourceError, "m has no forward; it has encode"),
        (NoForward, "1", {"encode": "1"}, UsageError, "m has no forward, which --input is for"),
    ],
)
def test_requested_methods_that_do_not_exist_are_refused(
    module: type[nn.Module], forward: str, methods: dict[str, str], error: type[Exception], message: str
) -> None:
    given = {name: [parse_input(text)] for name, text in methods.items()}
    with pytest.raises(error, match=message):
        requested_methods(module(), "m", [parse_input(forward)] if forward else [], given)
