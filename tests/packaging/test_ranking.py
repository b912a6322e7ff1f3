"""What `predict` ranks: the output and the activation, found or chosen, against the plain formula on eager answers."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import models
import numpy as np
import packages
import pytest
import torch
from torch import nn

import edgekit
from edgekit.errors import ParityError, UsageError
from edgekit.format.archive import GOLDEN, Archive
from edgekit.packaging import predict
from edgekit.parity.preprocess import Preprocess

IMAGE = edgekit.ImageSpec(resize=36, crop=32, mean=(0.5,) * 3, std=(0.25,) * 3)
Array = np.ndarray[Any, Any]


class Headed(nn.Module):
    """A classifier whose logits have both signs, and a head that changes them."""

    def __init__(self, head: Callable[[torch.Tensor], Any]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.net = models.perturb_batchnorm(models.ConvNet())
        with torch.no_grad():
            self.net.classifier.weight.mul_(8.0)
        self.head = head

    def forward(self, x: torch.Tensor) -> Any:
        return self.head(self.net(x))


class Scripted(nn.Module):
    """Returns a dict with integer keys and nested values, which only scripting keeps."""

    def __init__(self) -> None:
        super().__init__()
        self.net = Headed(lambda y: y).net

    def forward(self, x: torch.Tensor) -> dict[int, tuple[torch.Tensor, list[torch.Tensor]]]:
        y = self.net(x)
        if bool(x.sum() > 1e6):
            y = y + 1.0
        return {3: (x, [y, y * 2.0])}


def softmax(row: Array) -> Array:
    exponents = np.exp(row - row.max())
    return exponents / exponents.sum()


def sigmoid(row: Array) -> Array:
    return 1.0 / (1.0 + np.exp(-row))


def plain(row: Array) -> Array:
    return row


# How the model ends, the options, the activation that the manifest has, and the scores as a formula of the logits.
ENDS: dict[str, tuple[Callable[[torch.Tensor], Any], dict[str, Any], str, Callable[[Array], Array]]] = {
    "logits": (lambda y: y, {}, "softmax", softmax),
    "log of softmax": (lambda y: torch.log_softmax(y, 1), {}, "softmax", softmax),
    "softmax": (lambda y: torch.softmax(y, 1), {}, "none", softmax),
    "share of each": (lambda y: y.abs() / y.abs().sum(1, keepdim=True), {}, "none", lambda z: abs(z) / abs(z).sum()),
    "sigmoid": (torch.sigmoid, {}, "none", sigmoid),
    "joined sigmoids": (
        lambda y: torch.cat([torch.sigmoid(y[:, :2]), torch.sigmoid(y[:, 2:])], 1),
        {},
        "none",
        sigmoid,
    ),
    "small logits": (lambda y: 0.5 + y * 1e-3, {"allow_unproven": True}, "softmax", lambda z: softmax(0.5 + z * 1e-3)),
    "one logit": (lambda y: y[:, :1], {}, "sigmoid", lambda z: sigmoid(z[:1])),
    "one squeezed logit": (lambda y: y[:, 0], {}, "sigmoid", lambda z: sigmoid(z[:1])),
    "one score": (lambda y: torch.sigmoid(y[:, :1]), {}, "none", lambda z: sigmoid(z[:1])),
    "one logit, two labels": (
        lambda y: y[:, :1],
        {"labels": ["no", "yes"]},
        "sigmoid",
        lambda z: np.array([1.0 - sigmoid(z[0]), sigmoid(z[0])]),
    ),
    "one score, two labels": (
        lambda y: torch.sigmoid(y[:, 0]),
        {"labels": ["no", "yes"]},
        "none",
        lambda z: np.array([1.0 - sigmoid(z[0]), sigmoid(z[0])]),
    ),
    "sigmoid of logits": (lambda y: y, {"activation": "sigmoid"}, "sigmoid", sigmoid),
    "logits alone": (lambda y: y, {"activation": "none"}, "none", plain),
    "negative logits": (lambda y: y - 40.0, {"activation": "none"}, "none", lambda z: z - 40.0),
    "softmax of scores": (
        torch.sigmoid,
        {"activation": "softmax"},
        "softmax",
        lambda z: softmax(sigmoid(z)),
    ),
    "the only row": (lambda y: {"map": y[:, :, None], "logits": y}, {}, "softmax", softmax),
    "by name": (lambda y: {"hidden": y * 2, "logits": y}, {"rank": "logits"}, "softmax", softmax),
    "by position": (lambda y: (y * 2, torch.softmax(y, 1)), {"rank": "1"}, "none", softmax),
    "by path": (lambda y: (y * 2, (y * 3, y)), {"rank": "1.1"}, "softmax", softmax),
}


def scores_of(package: Path, picture: Array) -> Array:
    """The scores of `predict` in the order of the classes."""
    model = edgekit.load(package)
    assert isinstance(model, edgekit.LiteModel)
    found = model.run([picture], "predict")
    assert (np.diff(found["0"]) <= 0).all()
    scores = np.full(len(found["0"]), np.nan)
    scores[found["1"]] = found["0"]
    return scores


def picture(seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(0, 256, (50, 61, 3), dtype=np.uint8)


def logits_of(net: nn.Module, pixels: Array) -> Array:
    with torch.no_grad():
        row: Array = net(Preprocess(IMAGE)(torch.from_numpy(pixels)))[0].double().numpy()
    return row


@pytest.mark.parametrize("end", ENDS)
def test_predict_is_the_plain_formula_of_the_eager_answer(tmp_path: Path, end: str) -> None:
    head, options, activation, formula = ENDS[end]
    module = Headed(head).eval()
    report = edgekit.export(
        module, ["1x3x32x32"], name="m", image=IMAGE, output=tmp_path / "m.ptl", server=False, **options
    )
    assert report.manifest.image is not None
    assert report.manifest.image.activation == activation
    for seed in range(3):
        wanted = formula(logits_of(module.net, picture(seed)))
        np.testing.assert_allclose(scores_of(report.package, picture(seed)), wanted, rtol=1e-4, atol=1e-6)
    assert not edgekit.verify(report.package).failed


def test_predict_ranks_an_output_of_a_scripted_structure(tmp_path: Path) -> None:
    module = Scripted().eval()
    path = tmp_path / "m.ptl"
    report = edgekit.export(module, ["1x3x32x32"], image=IMAGE, rank="3.1.0", output=path, server=False)
    assert report.manifest.image is not None
    assert report.manifest.image.output == "3.1.0"
    wanted = softmax(logits_of(module.net, picture()))
    np.testing.assert_allclose(scores_of(path, picture()), wanted, rtol=1e-4, atol=1e-6)


WRONG: dict[str, tuple[Callable[[torch.Tensor], Any], dict[str, Any], str]] = {
    "two rows": (lambda y: {"hidden": y * 2, "logits": y}, {}, "--output hidden or --output logits"),
    "a map of one class": (lambda y: y[:, :, None, None].expand(-1, -1, 4, 4), {}, "gives one class for every pixel"),
    "no crop": (
        lambda y: y,
        {"image": "resize=32,mean=0,std=1"},
        "the preprocessing crops nothing, which is for a mask",
    ),
    "integers": (lambda y: y.argmax(1), {}, "no output has a row of scores"),
    "an unknown output": (lambda y: (y, y * 2), {"rank": "logits"}, "no output 'logits'; expected one of 0, 1"),
    "a file": (lambda y: y, {"rank": "o.ptl"}, "The file to write is -o"),
    "an output that is a map": (lambda y: (y, y[:, :, None]), {"rank": "1"}, "output 1 has a row of scores"),
    "softmax of one logit": (lambda y: y[:, :1], {"activation": "softmax"}, "whose softmax is always 1"),
    "another crop": (lambda y: y, {"image": edgekit.ImageSpec(resize=40, crop=40, mean=(0.5,), std=(1.0,))}, "40, 40"),
    "no image, an output": (lambda y: y, {"image": None, "rank": "0"}, "--output is for predict"),
    "no image, an activation": (lambda y: y, {"image": None, "activation": "none"}, "--activation is for predict"),
}


@pytest.mark.parametrize("case", WRONG)
def test_export_refuses_an_image_contract_that_cannot_apply(tmp_path: Path, case: str) -> None:
    head, options, message = WRONG[case]
    with pytest.raises(UsageError) as refused:
        edgekit.export(
            Headed(head), ["1x3x32x32"], output=tmp_path / "m.ptl", server=False, **{"image": IMAGE, **options}
        )
    assert message in str(refused.value)
    assert not list(tmp_path.iterdir())


FAULTS = [
    *(("logits", wrong) for wrong in ("torch.sigmoid(row)", "row", "torch.softmax(-row, 0)")),
    *(("softmax", wrong) for wrong in ("torch.softmax(row, 0)", "torch.sigmoid(row)")),
    *(("one logit", wrong) for wrong in ("torch.softmax(row, 0)", "row", "torch.sigmoid(-row)")),
    ("by name", "torch.softmax(2.0 * row, 0)"),
]


@pytest.mark.parametrize(("end", "wrong"), FAULTS)
def test_export_sees_a_wrong_activation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str, wrong: str) -> None:
    head, options, _, _ = ENDS[end]
    monkeypatch.setattr(predict, "_SCORES", dict.fromkeys(predict._SCORES, wrong))
    with pytest.raises(ParityError, match="case 'predict"):
        edgekit.export(Headed(head), ["1x3x32x32"], image=IMAGE, output=tmp_path / "m.ptl", server=False, **options)


@pytest.mark.parametrize(("right", "wrong"), [("softmax", "none"), ("none", "softmax"), ("sigmoid", "softmax")])
def test_verify_sees_a_wrong_activation(tmp_path: Path, right: str, wrong: str) -> None:
    made = {}
    for activation in (right, wrong):
        path = tmp_path / f"{activation}.ptl"
        made[activation] = edgekit.export(
            Headed(lambda y: y), ["1x3x32x32"], name="m", image=IMAGE, activation=activation, output=path, server=False
        ).package
    with zipfile.ZipFile(made[right]) as archive:
        golden = archive.read(f"archive/{GOLDEN}")
    seeded = packages.rewrite(
        made[wrong], tmp_path / "x.ptl", lambda records: records.update({GOLDEN: golden}), remake_digests=True
    )
    failed = edgekit.verify(seeded).failed
    assert {result.case.partition(":")[0] for result in failed} == {"predict"}


def test_predict_cases_list_the_leading_ranks_of_negative_scores(tmp_path: Path) -> None:
    path = tmp_path / "m.ptl"
    edgekit.export(Headed(lambda y: y - 40.0), ["1x3x32x32"], image=IMAGE, activation="none", output=path, server=False)
    with Archive(path) as archive:
        assert archive.golden is not None
        cases = [case for case in archive.golden.cases if case.method == "predict"]
    assert len(cases) == 3
    assert all(len(case.outputs[0].values) == len(case.outputs[1].values) == 5 for case in cases)
