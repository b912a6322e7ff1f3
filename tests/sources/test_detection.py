"""torchvision's detectors with one picture in and named tensors out, and the random weights with which boxes come out."""

from collections.abc import Callable
from functools import cache

import pytest
import torch
from detectors import ALL, SIZE, faster_rcnn, keypoint_rcnn, mask_rcnn, retinanet
from torch import nn
from torchvision import models
from torchvision.models.detection import RetinaNet
from torchvision.ops import box_iou
from torchvision.ops.boxes import _batched_nms_coordinate_trick, batched_nms

from edgekit.errors import SourceError, UsageError
from edgekit.format.schema import ImageSpec
from edgekit.sources.detection import HEADS, OUTPUTS, Detector, _nms_as_in_eager, is_detector
from edgekit.sources.inputs import parse_input
from edgekit.sources.random_heads import _remembering
from edgekit.sources.resolve import load_source
from edgekit.sources.source import SourceModel, SourceRequest, from_module

HEADS_OF = {
    "faster_rcnn": {"objectness.0", "objectness.1", "deltas.0", "deltas.1", "class_logits", "box_regression"},
    "retinanet": {"cls_logits", "bbox_regression"},
    "fcos": {"cls_logits", "bbox_regression", "bbox_ctrness"},
    "ssd": {"cls_logits", "bbox_regression"},
}
HEADS_OF["mask_rcnn"] = HEADS_OF["faster_rcnn"] | {"mask_logits"}
HEADS_OF["keypoint_rcnn"] = HEADS_OF["faster_rcnn"] | {"keypoint_logits"}


def loaded(make: Callable[[], nn.Module], size: str = SIZE, **options: object) -> SourceModel:
    request = SourceRequest(inputs=(parse_input(size),), weights="random", **options)
    return from_module(make(), name=make.__name__, source=f"net.py:{make.__name__}", request=request)


@cache
def shared(make: Callable[[], nn.Module]) -> SourceModel:
    """A detector that several tests run."""
    return loaded(make)


@pytest.mark.parametrize("make", ALL)
def test_detector_gives_what_the_model_gives_by_name(make: Callable[[], nn.Module]) -> None:
    source = shared(make)
    (image,) = source.example()
    assert isinstance(source.module, Detector)
    with torch.no_grad():
        found, expected = source.module(image), source.module.model([image])[0]
    assert tuple(found)[:3] == OUTPUTS
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize("make", ALL)
def test_heads_give_what_the_last_layers_give(make: Callable[[], nn.Module]) -> None:
    (heads,) = shared(make).others
    with torch.no_grad():
        found = heads.module(*heads.example())
    assert heads.method == HEADS
    assert found.keys() == HEADS_OF[make.__name__]
    assert all(value.std() > 0.1 for value in found.values())


@pytest.mark.parametrize("make", ALL)
def test_random_weights_give_boxes_that_stand_apart_in_each_picture(make: Callable[[], nn.Module]) -> None:
    source = shared(make)
    counts = []
    for seed in (1, 2, 3):
        with torch.no_grad():
            found = source.module(*source.example(seed))
        boxes, labels, scores = (found[name] for name in OUTPUTS)
        same = (labels[:, None] == labels) & ~torch.eye(len(labels), dtype=torch.bool)
        assert (box_iou(boxes, boxes)[same] <= 0.61).all()
        assert (scores[:-1] - scores[1:]).min() > 1e-7
        counts.append(len(boxes))
    assert 10 <= min(counts) <= 12
    assert max(counts) < 100
    assert "forward" not in vars(source.module.model.backbone)  # what the search put there


def test_remembering_runs_a_layer_once_for_each_input_and_leaves_it_as_it_was() -> None:
    layer, runs = nn.Identity(), []

    def own(x: torch.Tensor) -> dict[str, torch.Tensor]:
        runs.append(x)
        return {"a": x + 1}

    layer.forward = own
    first, second = torch.zeros(2), torch.ones(2)
    with _remembering(layer):
        layer(first)["a"].mul_(7)
        assert layer(first)["a"].tolist() == [1, 1]
        assert layer(second)["a"].tolist() == [2, 2]
    assert [x.tolist() for x in runs] == [[0, 0], [1, 1]]
    assert vars(layer)["forward"] is own


def test_random_weights_are_the_same_twice() -> None:
    assert shared(faster_rcnn).weights.sha256 == loaded(faster_rcnn).weights.sha256


def test_detector_refuses_another_size_than_the_declared_one() -> None:
    with pytest.raises(ValueError, match=r"takes pictures \[3, 96, 128\], got \[3, 128, 96\]"):
        shared(retinanet).module(torch.zeros(3, 128, 96))


@pytest.mark.parametrize("size", ["1x3x96x128", "1x96x128", "3x96x128:uint8", "96x128"])
def test_detector_takes_one_picture_alone(size: str) -> None:
    with pytest.raises(UsageError, match=r"retinanet is a detector, so its package takes one picture \[3,H,W\]"):
        loaded(retinanet, size)


def test_detector_has_its_own_preprocessing() -> None:
    image = ImageSpec(crop=96, resize=96, mean=(0.0,) * 3, std=(1.0,) * 3)
    with pytest.raises(UsageError, match="--image is for classifiers"):
        loaded(retinanet, image=image)


def test_detector_without_a_backbone_is_refused() -> None:
    class Odd(RetinaNet):
        def __init__(self) -> None:
            nn.Module.__init__(self)

    with pytest.raises(SourceError, match="Odd is a detector without the part transform"):
        loaded(Odd)


@pytest.mark.parametrize(("module", "answer"), [(nn.Linear(2, 2), False), (mask_rcnn(), True), (keypoint_rcnn(), True)])
def test_is_detector_knows_the_classes_of_torchvision(module: nn.Module, answer: bool) -> None:
    assert is_detector(module) is answer


def test_traced_detector_chooses_boxes_as_eager_mode_does() -> None:
    """With many boxes, moving the classes apart rounds the coordinates, and other boxes remain."""
    torch.manual_seed(0)
    corners = torch.rand(3000, 2) * 40
    boxes = torch.cat([corners, corners + 40 + torch.rand(3000, 2) * 40], dim=1)
    scores, labels = torch.rand(3000), torch.randint(0, 90, (3000,)) * 1000
    few = slice(0, 500)
    chosen = _nms_as_in_eager()
    assert torch.equal(chosen(boxes, scores, labels, 0.5), batched_nms(boxes, scores, labels, 0.5))
    assert torch.equal(
        chosen(boxes[few], scores[few], labels[few], 0.5), batched_nms(boxes[few], scores[few], labels[few], 0.5)
    )
    together = _batched_nms_coordinate_trick(boxes, scores, labels, 0.5)
    assert not torch.equal(together, batched_nms(boxes, scores, labels, 0.5))


def test_detector_by_name_with_weights_is_the_one_that_torchvision_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "fasterrcnn_mobilenet_v3_large_320_fpn"
    state = models.get_model(name, weights=None, weights_backbone=None).state_dict()
    monkeypatch.setattr(models.WeightsEnum, "get_state_dict", lambda *_, **__: state)
    source = load_source(name, SourceRequest())
    assert isinstance(source.module, Detector)
    expected = models.get_model(name, weights="DEFAULT").eval()
    layers = {type(layer).__name__ for layer in source.module.model.modules()}
    assert "FrozenBatchNorm2d" in layers  # without weights it is BatchNorm2d
    assert layers == {type(layer).__name__ for layer in expected.modules()}
    assert source.weights.name == "COCO_V1"
    (image,) = source.example()
    with torch.no_grad():
        assert torch.equal(source.module(image)["scores"], expected([image])[0]["scores"])
