"""Packages of detectors: what they hold, that their boxes are those of the eager model, and that wrong ones are found."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import detectors
import numpy as np
import pytest
import torch
from packages import rewrite, scale_largest_weight
from torch import nn
from torchvision.ops import box_iou

import edgekit
from edgekit.errors import UsageError
from edgekit.format.archive import Archive
from edgekit.format.schema import Tolerance
from edgekit.parity.eager import exact_eager
from edgekit.parity.gate import judge_capture
from edgekit.parity.references import eager_references
from edgekit.pipeline import ExportReport, export_source
from edgekit.proving import ExportRequest
from edgekit.runtimes import lite, vision
from edgekit.runtimes.compat import check_fit
from edgekit.sources.inputs import parse_input
from edgekit.sources.resolve import load_source
from edgekit.sources.source import SourceRequest

DETECTORS = detectors.__file__
REAL = [
    "fasterrcnn_mobilenet_v3_large_320_fpn",
    "fasterrcnn_resnet50_fpn_v2",
    "fcos_resnet50_fpn",
    "keypointrcnn_resnet50_fpn",
    "maskrcnn_resnet50_fpn",
    "retinanet_resnet50_fpn",
    "ssd300_vgg16",
    "ssdlite320_mobilenet_v3_large",
]


def request(size: str = detectors.SIZE) -> SourceRequest:
    return SourceRequest(inputs=(parse_input(size),) if size else (), weights="random")


def exported(source: str, folder: Path, size: str = detectors.SIZE) -> ExportReport:
    options = ExportRequest(output=folder / "detector.ptl", server=False)
    return export_source(source, request(size), options)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> ExportReport:
    return exported(f"{DETECTORS}:faster_rcnn", tmp_path_factory.mktemp("detector"))


def assert_same_boxes(found: dict[str, np.ndarray], expected: dict[str, torch.Tensor]) -> None:
    """Matches by label, with an IoU over 0.99 and a score within 1e-4."""
    boxes, labels, scores = (torch.from_numpy(found[name]) for name in ("boxes", "labels", "scores"))
    alike = (labels[:, None] == expected["labels"]) & (box_iou(boxes, expected["boxes"]) > 0.99)
    alike &= (scores[:, None] - expected["scores"]).abs() < 1e-4
    assert alike.shape[0] == alike.shape[1] > 0
    assert alike.any(dim=0).all()
    assert alike.any(dim=1).all()


def check_on_new_pictures(report: ExportReport, source: str, size: str) -> None:
    eager, package = load_source(source, request(size)).module, edgekit.load(report.package)
    rows = 0
    for seed in (71, 72, 73):
        (image,) = load_source(source, request(size)).example(seed)
        with exact_eager():
            expected = eager(image)
        assert_same_boxes(package.run(image.numpy()), expected)
        rows += len(expected["boxes"])
    assert rows >= 10


def test_package_has_the_boxes_and_the_heads(report: ExportReport) -> None:
    methods = {method.name: method for method in report.manifest.methods}
    assert set(methods) == {"forward", "predict", "heads"}
    assert methods["forward"].inputs[0].name == "image"
    assert methods["forward"].inputs[0].shape == (3, 96, 128)
    outputs = {output.name: (output.dtype, output.shape) for output in methods["forward"].outputs}
    assert outputs == {"boxes": ("float32", (None, 4)), "labels": ("int64", (None,)), "scores": ("float32", (None,))}
    assert not report.manifest.unproven


def test_golden_cases_have_boxes(report: ExportReport) -> None:
    with Archive(report.package) as archive:
        assert archive.golden is not None
        cases = [case for case in archive.golden.cases if case.method == "forward"]
    counts = [output.shape[0] for case in cases for output in case.outputs if output.name == "boxes"]
    assert sum(count >= 10 for count in counts) >= 2


def test_package_gives_the_boxes_of_the_eager_model(report: ExportReport) -> None:
    check_on_new_pictures(report, f"{DETECTORS}:faster_rcnn", detectors.SIZE)


def test_package_refuses_another_size(report: ExportReport) -> None:
    with pytest.raises(UsageError, match="96"):
        edgekit.load(report.package).run(np.zeros((3, 128, 128), dtype=np.float32))


def test_verify_loads_torchvision_where_it_was_not_imported(report: ExportReport) -> None:
    command = [sys.executable, "-W", "ignore", "-m", "edgekit", "verify", str(report.package)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr


def test_changed_weight_fails_the_verdict(report: ExportReport, tmp_path: Path) -> None:
    broken = rewrite(report.package, tmp_path / "broken.ptl", scale_largest_weight, remake_digests=True)
    assert not edgekit.verify(broken).passed


@pytest.mark.parametrize("option", ["score_thresh", "nms_thresh", "detections_per_img"])
def test_gate_finds_boxes_that_were_chosen_otherwise(option: str) -> None:
    source = load_source(f"{DETECTORS}:faster_rcnn", request())
    references = eager_references(replace(source, others=())).items
    heads = source.module.model.roi_heads
    assert judge_capture(source.module, references, Tolerance()).passed
    setattr(heads, option, {"score_thresh": 0.08, "nms_thresh": 0.1, "detections_per_img": 5}[option])
    assert not judge_capture(source.module, references, Tolerance()).passed


def test_runtimes_without_the_operators_do_not_fit(report: ExportReport) -> None:
    with Archive(report.package) as archive:
        rows = check_fit(archive)
    assert all(row.missing == ("torchvision::nms", "torchvision::roi_align") and not row.fits for row in rows)
    assert rows[0].remedy.startswith(
        "run it in the C++ runner, or in torch's lite interpreter in Python with torchvision"
    )


def test_missing_torchvision_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(edgekit.EdgekitError, match=r"x\.ptl uses operators of torchvision, which does not load here"):
        vision.register("cannot be found: [torchvision::nms]", "x.ptl")


def test_file_that_is_refused_for_another_reason_does_not_import_torchvision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)
    assert not vision.register("PytorchStreamReader failed", "x.ptl")
    assert lite.vision is vision


@pytest.mark.slow
@pytest.mark.parametrize("make", [make for make in detectors.ALL if make is not detectors.faster_rcnn])
def test_export_of_each_kind_is_right(tmp_path: Path, make: Callable[[], nn.Module]) -> None:
    source = f"{DETECTORS}:{make.__name__}"
    check_on_new_pictures(exported(source, tmp_path), source, detectors.SIZE)


@pytest.mark.slow
@pytest.mark.parametrize("make", [detectors.mask_rcnn, detectors.keypoint_rcnn])
def test_picture_without_a_box_gives_empty_outputs(tmp_path: Path, make: Callable[[], nn.Module]) -> None:
    def strict(detector: nn.Module) -> nn.Module:
        detector.model.roi_heads.score_thresh = 2.0
        return detector

    source = load_source(f"{DETECTORS}:{make.__name__}", request())
    (image,) = source.example()
    with exact_eager():
        expected = strict(source.module)(image)
    report = edgekit.export(
        source.module.model, "3x96x128", output=tmp_path / "strict.ptl", allow_unproven=True, server=False
    )
    found = edgekit.load(report.package).run(image.numpy())
    assert {name: value.shape for name, value in found.items()} == {n: tuple(v.shape) for n, v in expected.items()}
    assert found["boxes"].shape == (0, 4)


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
def test_export_of_a_name_is_right(tmp_path: Path, name: str) -> None:
    report = exported(name, tmp_path, "")
    assert report.verdict.passed
    check_on_new_pictures(report, name, "")
