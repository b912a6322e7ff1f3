"""Gives torchvision's detectors one picture in and named tensors out.

torchvision's own forward takes a list of pictures of any size. A package takes one picture [3,H,W] of the size of the example:
anchors and resizing depend on the size, and become constants. `forward` returns the boxes, and `heads` what the network gives
before boxes are chosen from it, which proves the weights on pictures without a box too.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import torch
from torch import nn

from edgekit.errors import SourceError, UsageError
from edgekit.format.schema import BOXES, ImageSpec
from edgekit.sources.adapter import Adapter
from edgekit.sources.arguments import size_text
from edgekit.sources.inputs import DEFAULT_RANGE, InputSpec

HEADS = "heads"
OUTPUTS = ("boxes", "labels", "scores")
_KINDS = ("GeneralizedRCNN", "SSD", "RetinaNet", "FCOS")  # of torchvision.models.detection
_PARTS = (1, 2, 4, 8)  # of the side of a picture, for the sides of the boxes that `heads` pools


def is_detector(module: object) -> bool:
    """Whether a module is one of torchvision's detectors, or of a class that is made from one."""
    return any(kind.__name__ in _KINDS and "torchvision" in kind.__module__ for kind in type(module).__mro__)


def check_picture(inputs: Sequence[InputSpec], name: str, image: ImageSpec | None) -> None:
    """Raises UsageError if a detector's inputs are not one picture [3,H,W], or an image contract was given."""
    if len(inputs) != 1 or len(inputs[0].shape) != 3 or inputs[0].shape[0] != 3 or inputs[0].dtype != "float32":
        given = ", ".join(f"{size_text(spec)}:{spec.dtype}" for spec in inputs) or "none"
        raise UsageError(
            f"{name} is a detector, so its package takes one picture [3,H,W], float32 from 0 to 1, of one size; the inputs given "
            f"are {given}. Pass the size, for example --input 3x320x320."
        )
    if image is not None:
        raise UsageError(
            f"{name} is a detector, which has its own preprocessing; --image is for classifiers and for models with one map of "
            "scores. Leave it out."
        )


def picture_inputs(inputs: Sequence[InputSpec]) -> tuple[InputSpec, ...]:
    """The input of a detector, from 0 to 1 if the user gave neither a range nor a picture."""
    return tuple(
        replace(spec, low=0.0, high=1.0) if spec.sample is None and (spec.low, spec.high) == DEFAULT_RANGE else spec
        for spec in inputs
    )


def as_detector(module: nn.Module, inputs: Sequence[InputSpec], name: str) -> "Detector":
    """The module that is exported for a detector of torchvision.

    Raises:
        SourceError: it lacks a part that torchvision's detectors have.
    """
    lacking = next((part for part in ("transform", "backbone") if not hasattr(module, part)), None)
    if lacking is not None:
        raise SourceError(
            f"{name} is a detector without the part {lacking} of torchvision's. Call the constructor of its class."
        )
    return Detector(module, inputs[0].shape).eval()


class Detector(Adapter):
    """A detector with one picture [3,H,W] of one size as its input."""

    def __init__(self, model: Any, size: tuple[int, ...]) -> None:
        super().__init__()
        self.model = model
        self.size = size

    def pictures(self) -> ImageSpec | None:
        """What `predict` does with a picture: like the detector itself, it stretches it only if there is one fixed size.

        Returns:
            None if the detector does not normalize three channels as torchvision's do.
        """
        transform = self.model.transform
        if len(getattr(transform, "image_mean", ())) != 3 or len(getattr(transform, "image_std", ())) != 3:
            return None
        return ImageSpec(
            resize=0,
            crop=0,
            mean=tuple(map(float, transform.image_mean)),
            std=tuple(map(float, transform.image_std)),
            antialias=False,
            output=OUTPUTS[0],
            activation="none",
            task=BOXES,
            classes=_class_count(self.model),
            keep_ratio=getattr(transform, "fixed_size", None) is None,
        )

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        """Boxes [K,4], labels [K], scores [K], and masks or keypoints where the detector has them."""
        self._check(image)
        with _as_in_eager():
            found: dict[str, torch.Tensor] = self.model([image])[0]
        return {name: found[name] for name in dict.fromkeys((*OUTPUTS, *found))}

    def heads(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        """What the last layers give: for each anchor, or for each of a few fixed boxes if the detector pools features."""
        self._check(image)
        with _as_in_eager():
            images, _ = self.model.transform([image])
            features = self.model.backbone(images.tensors)
            maps = dict(features) if isinstance(features, dict) else {"0": features}
            if not hasattr(self.model, "rpn"):
                return _named(self.model.head(list(maps.values())))
            objectness, deltas = self.model.rpn.head(list(maps.values()))
            found = {f"objectness.{level}": value for level, value in enumerate(objectness)}
            found |= {f"deltas.{level}": value for level, value in enumerate(deltas)}
            return found | self._of_boxes(maps, images.image_sizes)

    def _of_boxes(self, maps: dict[str, torch.Tensor], sizes: list[tuple[int, int]]) -> dict[str, torch.Tensor]:
        roi, boxes = self.model.roi_heads, [_boxes(*map(int, sizes[0]))]
        pooled = roi.box_head(roi.box_roi_pool(maps, boxes, sizes))
        logits, regression = roi.box_predictor(pooled)
        found = {"class_logits": logits, "box_regression": regression}
        if roi.has_mask():
            found["mask_logits"] = roi.mask_predictor(roi.mask_head(roi.mask_roi_pool(maps, boxes, sizes)))
        if roi.has_keypoint():
            pooled = roi.keypoint_roi_pool(maps, boxes, sizes)
            found["keypoint_logits"] = roi.keypoint_predictor(roi.keypoint_head(pooled))
        return found

    def _check(self, image: torch.Tensor) -> None:
        if torch._C._get_tracing_state() is None and tuple(image.shape) != self.size:
            raise ValueError(f"the detector takes pictures {list(self.size)}, got {list(image.shape)}")


def _class_count(model: Any) -> int | None:
    """The number of classes with the background, or None for heads that are not torchvision's."""
    if hasattr(model, "roi_heads"):
        scores = getattr(model.roi_heads.box_predictor, "cls_score", None)
        return getattr(scores, "out_features", None)
    head = getattr(getattr(model, "head", None), "classification_head", None)
    return getattr(head, "num_classes", None) or getattr(head, "num_columns", None)  # SSD has columns


def _named(heads: dict[str, Any]) -> dict[str, torch.Tensor]:
    """The tensors of a dict whose values may be lists of tensors."""
    found = {}
    for name, value in heads.items():
        if isinstance(value, torch.Tensor):
            found[name] = value
        else:
            found |= {f"{name}.{index}": item for index, item in enumerate(value)}
    return found


def _boxes(height: int, width: int) -> torch.Tensor:
    """Boxes of several sizes and places in a picture, two of each size, so that each level of a pyramid pools some."""
    rows = []
    for part in _PARTS:
        high, wide = height / part, width / part
        rows.append([0.1 * wide, 0.2 * high, 0.9 * wide, 0.8 * high])
        rows.append([width - 0.95 * wide, height - 0.7 * high, width - 0.25 * wide, height - 0.05 * high])
    return torch.tensor(rows)


@contextlib.contextmanager
def _as_in_eager() -> Iterator[None]:
    """While a detector is traced, boxes of one class are chosen in the way of eager mode.

    There, torchvision treats many boxes class by class, and few ones all at once with the classes moved apart, which rounds
    their coordinates. When it is traced it would always do the latter.
    """
    if torch._C._get_tracing_state() is None:
        yield
        return
    from torchvision.ops import boxes

    kept = boxes.batched_nms
    boxes.batched_nms = _nms_as_in_eager()
    try:
        yield
    finally:
        boxes.batched_nms = kept


@cache
def _nms_as_in_eager() -> Any:
    """torchvision's `batched_nms`, scripted, so that the number of boxes decides in each run."""
    from torchvision.ops.boxes import _batched_nms_coordinate_trick as together
    from torchvision.ops.boxes import _batched_nms_vanilla as by_class

    def batched_nms(
        boxes: torch.Tensor, scores: torch.Tensor, idxs: torch.Tensor, iou_threshold: float
    ) -> torch.Tensor:
        if boxes.numel() > 4000:
            kept: torch.Tensor = by_class(boxes, scores, idxs, iou_threshold)
        else:
            kept = together(boxes, scores, idxs, iou_threshold)
        return kept

    return torch.jit._script.script(batched_nms)
