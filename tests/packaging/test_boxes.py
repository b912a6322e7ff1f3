"""A `predict` that gives boxes: against torchvision's own detectors on pictures of other sizes, and wrong ones."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import detectors
import numpy as np
import packages
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from sklearn.datasets import load_sample_images
from torch import nn

import edgekit
from edgekit.capture.pictures import box_pictures
from edgekit.errors import PackageError, ParityError, UsageError
from edgekit.format.archive import Archive
from edgekit.format.schema import ImageSpec, Tolerance
from edgekit.packaging import predict
from edgekit.packaging.boxes import box_cases
from edgekit.parity.eager import exact_eager
from edgekit.parity.ranking import Ranking
from edgekit.pipeline import ExportReport, export_source
from edgekit.proving import ExportRequest
from edgekit.runtimes.lite import compare_case
from edgekit.sources.boxes import BoxHead, FittedPicture
from edgekit.sources.detection import OUTPUTS
from edgekit.sources.inputs import parse_input
from edgekit.sources.resolve import load_source
from edgekit.sources.source import SourceModel, SourceRequest

SIZES = ((150, 211), (211, 150), (96, 128), (31, 17), (1, 90))
Picture = NDArray[np.uint8]


def source_of(name: str) -> SourceModel:
    request = SourceRequest(inputs=(parse_input(detectors.SIZE),), weights="random")
    return load_source(f"{detectors.__file__}:{name}", request)


def photograph(height: int, width: int) -> Picture:
    return np.ascontiguousarray(load_sample_images().images[0][60 : 60 + height, 40 : 40 + width]).astype(np.uint8)


def spec_of(source: SourceModel) -> ImageSpec:
    assert source.image is not None
    return source.image


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> ExportReport:
    request = SourceRequest(inputs=(parse_input(detectors.SIZE),), weights="random", labels=tuple("abcde"))
    options = ExportRequest(output=tmp_path_factory.mktemp("ssd") / "ssd.ptl", server=False)
    return export_source(f"{detectors.__file__}:ssd", request, options)


@pytest.fixture(scope="module")
def fitted() -> SourceModel:
    return source_of("retinanet")


@pytest.fixture(scope="module")
def package(report: ExportReport) -> edgekit.LiteModel:
    model = edgekit.load(report.package)
    assert isinstance(model, edgekit.LiteModel)
    return model


def test_predict_of_ssd_is_torchvisions_detector_on_the_whole_picture(package: edgekit.LiteModel) -> None:
    original, rows = source_of("ssd").module.model, 0
    for height, width in SIZES:
        picture = np.random.default_rng(height).integers(0, 256, (height, width, 3), dtype=np.uint8)
        with exact_eager():  # it stretches the picture and moves the boxes back by itself
            (found,) = original([torch.from_numpy(picture).permute(2, 0, 1) / 255.0])
        area = (found["boxes"][:, 2:] - found["boxes"][:, :2]).prod(dim=1) > 0
        boxes = package.detect(picture, min_score=0.0)
        assert len(boxes) == int(area.sum())
        np.testing.assert_allclose(
            np.array([each.box for each in boxes]).reshape(-1, 4), found["boxes"][area].numpy(), atol=2e-3
        )
        assert [each.index for each in boxes] == found["labels"][area].tolist()
        np.testing.assert_allclose([each.score for each in boxes], found["scores"][area].numpy(), rtol=1e-4)
        rows += len(boxes)
    assert rows >= 10


def test_manifest_says_that_predict_gives_boxes(report: ExportReport, package: edgekit.LiteModel) -> None:
    manifest = report.manifest
    image, spec = manifest.image, manifest.method("predict")
    assert image is not None
    assert spec is not None
    assert (image.task, image.classes, image.keep_ratio, image.resize) == ("boxes", 5, False, 0)
    assert [str(output) for output in spec.outputs] == [
        "boxes: float32 [*, 4]",
        "labels: int64 [*]",
        "scores: float32 [*]",
    ]
    assert {output.proof for output in spec.outputs} == {"varies"}
    assert [(each.low, each.high) for each in manifest.methods[0].inputs] == [(0.0, 1.0)]
    with Archive(report.package) as archive:
        assert archive.golden is not None
        shown = [case for case in archive.golden.cases if case.method == "predict"]
    assert [case.name for case in shown] == ["predict: 288x128", "predict: 96x384"]
    assert all(case.outputs[0].shape[0] for case in shown)
    assert package.label(2) == "c"
    assert package.label(-1) == "class -1"


def test_boxes_are_best_first_and_have_the_least_score(package: edgekit.LiteModel) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (96, 128, 3), dtype=np.uint8)
    found = package.detect(picture, min_score=0.0)
    scores = [each.score for each in found]
    assert len(found) > 2
    assert scores == sorted(scores, reverse=True)
    assert package.detect(picture, min_score=scores[1]) == found[:2]
    assert package.detect(picture, min_score=1.0) == ()


def test_package_of_boxes_refuses_what_it_does_not_give(package: edgekit.LiteModel) -> None:
    picture = photograph(20, 30)
    with pytest.raises(UsageError, match=r"predict of this package gives boxes; detect\(\) returns them"):
        package.predict(picture)
    with pytest.raises(UsageError, match="expected image: uint8"):
        package.detect(picture.astype(np.float32))


def test_package_of_labels_refuses_to_detect(tiny: Path, tmp_path: Path) -> None:
    labels = edgekit.load(tiny)
    as_boxes = packages.edit_manifest(lambda manifest: manifest["image"].update(task="boxes"))
    wrong = edgekit.load(packages.rewrite(tiny, tmp_path / "x.ptl", as_boxes, remake_digests=True))
    assert isinstance(labels, edgekit.LiteModel)
    assert isinstance(wrong, edgekit.LiteModel)
    with pytest.raises(UsageError, match=r"gives labels; predict\(\) returns them"):
        labels.detect(photograph(20, 30))
    with pytest.raises(PackageError, match=r"predict gives 0 float32 .*; expected boxes float32"):
        wrong.detect(photograph(64, 64))


@pytest.mark.parametrize("shape", SIZES)
def test_picture_is_fitted_with_its_ratio_and_the_boxes_come_back(fitted: SourceModel, shape: tuple[int, int]) -> None:
    spec, size = spec_of(fitted), (3, 96, 128)
    assert spec.keep_ratio
    picture = torch.from_numpy(photograph(*shape))
    scale = min(96 / shape[0], 128 / shape[1])
    height, width = max(1, int(shape[0] * scale + 1e-9)), max(1, int(shape[1] * scale + 1e-9))
    found = FittedPicture(spec, size)(picture)
    pixels = picture.permute(2, 0, 1)[None] / 255.0
    wanted = F.interpolate(pixels, (height, width), mode="bilinear", align_corners=False)[0]
    torch.testing.assert_close(found[:, :height, :width], wanted, atol=1e-6, rtol=0)
    normalized = (found - torch.tensor(spec.mean).view(3, 1, 1)) / torch.tensor(spec.std).view(3, 1, 1)
    assert not normalized[:, height:].any()
    assert not normalized[:, :, width:].any()
    boxes = torch.tensor(
        [[0.0, 0.0, width, height], [-9.0, height / 2, width / 2, 999.0], [width + 1.0, 0.0, width + 5.0, 9.0]]
    )
    moved = BoxHead(spec, size)(boxes, torch.arange(3), torch.arange(3.0), picture)
    assert moved["labels"].tolist() == [0, 1]  # the third box is beside the picture
    high, wide = shape
    torch.testing.assert_close(
        moved["boxes"], torch.tensor([[0.0, 0.0, wide, high], [0.0, high / 2, wide / 2, high]]), rtol=1e-5, atol=1e-4
    )


class Swapped(BoxHead):
    """A wrong head: x and y are swapped."""

    def forward(
        self, boxes: torch.Tensor, labels: torch.Tensor, scores: torch.Tensor, image: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        moved = self.moved(boxes, image)[:, [1, 0, 3, 2]]
        return {"boxes": moved, "labels": labels, "scores": scores}


class NotMoved(BoxHead):
    """A wrong head: the boxes stay in pixels of the prepared picture."""

    def moved(self, boxes: torch.Tensor, image: torch.Tensor) -> torch.Tensor:  # noqa: ARG002  as in the right one
        return boxes.clone()


class Stretched(FittedPicture):
    """A wrong picture: the ratio is not kept."""

    def __init__(self, spec: ImageSpec, size: Any) -> None:
        super().__init__(replace(spec, keep_ratio=False), size)


class Black(FittedPicture):
    """A wrong picture: black beside it."""

    def __init__(self, spec: ImageSpec, size: Any) -> None:
        super().__init__(replace(spec, mean=(0.0, 0.0, 0.0)), size)


@pytest.mark.parametrize("wrong", [None, Swapped, NotMoved, Stretched, Black])
def test_golden_cases_see_a_wrong_predict(fitted: SourceModel, wrong: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ranking, tolerance = Ranking(image=spec_of(fitted)), Tolerance()
    cases = box_cases(box_pictures(fitted, ranking, None, tolerance), ranking, tolerance)
    assert len(cases) == 2
    if wrong is not None:
        monkeypatch.setattr(predict, "BoxHead" if issubclass(wrong, BoxHead) else "FittedPicture", wrong)
    example = fitted.example()
    with exact_eager(), warnings.catch_warnings(action="ignore"):
        core = torch.jit.freeze(torch.jit.trace(fitted.module, example, strict=False, check_trace=False))
        module = predict.with_boxes(core, ranking, example)
        rows = [row for case in cases for row in replayed(module, case, tolerance)]
    assert all(row.passed for row in rows) == (wrong is None)


def replayed(module: Any, case: Any, tolerance: Tolerance) -> Any:
    from edgekit.nested import named_arrays, structure_of
    from edgekit.packaging.boxes import describe_boxes
    from edgekit.parity.probes import from_golden

    value = module.predict(*from_golden("", case.inputs).inputs)
    return compare_case(case, structure_of(value), named_arrays(value), describe_boxes((case,)), tolerance)


def test_export_refuses_a_wrong_predict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predict, "BoxHead", Swapped)
    request = SourceRequest(inputs=(parse_input("3x48x64"),), weights="random")
    with pytest.raises(ParityError, match="case 'predict"):
        export_source(
            f"{detectors.__file__}:ssd", request, ExportRequest(output=tmp_path / "x.ptl", proof="full", server=False)
        )
    assert not list(tmp_path.iterdir())


def strict(source: SourceModel) -> SourceModel:
    source.module.model.score_thresh = 2.0
    return source


def test_pictures_without_a_box_prove_nothing() -> None:
    source = strict(source_of("ssd"))
    assert box_pictures(source, Ranking(image=spec_of(source)), None, Tolerance()) == ()


def test_sample_of_the_user_becomes_a_picture_that_fits_into_the_package(tmp_path: Path) -> None:
    picture = photograph(200, 300)
    np.save(tmp_path / "x.npy", (picture / np.float32(255.0)).transpose(2, 0, 1).astype(np.float32))
    request = SourceRequest(inputs=(parse_input(str(tmp_path / "x.npy")),), weights="random")
    source = load_source(f"{detectors.__file__}:ssd", request)
    shown = box_pictures(source, Ranking(image=spec_of(source)), None, Tolerance())
    assert [each.given.shape for each in shown if each.given.data is not None] == [(200, 300, 3)]
    small = box_pictures(replace(source, picture_room=50_000), Ranking(image=spec_of(source)), None, Tolerance())
    assert [each.given.shape for each in small if each.given.data is not None] == [(100, 150, 3)]
    kept = load_source(f"{detectors.__file__}:ssd", replace(request, golden_sample=False))
    assert kept.picture_room == 0


@pytest.mark.parametrize(("option", "value"), [("output", "boxes"), ("activation", "softmax")])
def test_options_for_scores_are_refused(option: str, value: str) -> None:
    from edgekit.parity.ranking import ranking_of
    from edgekit.sources.source import RankingRequest

    source = replace(source_of("ssd"), ranking=RankingRequest(**{option: value}))
    with pytest.raises(UsageError, match=r"is a detector, which gives boxes\. Leave it out"):
        ranking_of(source, ())


def test_labels_of_another_number_are_refused(report: ExportReport) -> None:
    from edgekit.packaging.methods import check_labels

    with pytest.raises(UsageError, match="2 labels were given for 5 classes"):
        check_labels(("a", "b"), report.manifest.methods, report.manifest.image)


@pytest.mark.parametrize(
    "make", [make for make in detectors.ALL if make.__name__ not in ("keypoint_rcnn", "mask_rcnn")]
)
def test_classes_are_counted_with_the_background(make: Callable[[], nn.Module]) -> None:
    source = source_of(make.__name__)
    assert spec_of(source).classes == 5
    assert spec_of(source).output in OUTPUTS
