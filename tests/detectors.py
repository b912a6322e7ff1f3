"""Small detectors, as torchvision's classes make them."""

import torch
from torch import nn
from torchvision.models.detection import FCOS, FasterRCNN, KeypointRCNN, MaskRCNN, RetinaNet
from torchvision.models.detection.anchor_utils import AnchorGenerator, DefaultBoxGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.keypoint_rcnn import KeypointRCNNHeads, KeypointRCNNPredictor
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.detection.ssd import SSD
from torchvision.ops import MultiScaleRoIAlign

SIZE = "3x96x128"


class Backbone(nn.Sequential):
    """One map of features with a stride of 8."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(3, 8, 3, 2, 1, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Conv2d(8, 16, 3, 2, 1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, 2, 1),
            nn.ReLU(),
        )
        self.out_channels = 32


class Pyramid(nn.Module):
    """Two maps of features by name."""

    def __init__(self, channels: int | list[int] = 32) -> None:
        super().__init__()
        self.large, self.small = Backbone(), nn.Conv2d(32, 32, 3, 2, 1)
        self.out_channels = channels

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        large = self.large(x)
        return {"0": large, "1": self.small(large)}


def _rcnn(kind: type[FasterRCNN], **options: object) -> FasterRCNN:
    torch.manual_seed(0)
    return kind(
        Pyramid(),
        num_classes=None,
        min_size=96,
        max_size=128,
        rpn_anchor_generator=AnchorGenerator(((16,), (32,)), ((0.5, 1.0, 2.0),) * 2),
        box_roi_pool=MultiScaleRoIAlign(["0", "1"], 3, 2, canonical_scale=32),
        box_head=TwoMLPHead(32 * 9, 32),
        box_predictor=FastRCNNPredictor(32, 5),
        **options,
    )


def faster_rcnn() -> FasterRCNN:
    return _rcnn(FasterRCNN)


def mask_rcnn() -> FasterRCNN:
    return _rcnn(
        MaskRCNN,
        mask_roi_pool=MultiScaleRoIAlign(["0", "1"], 7, 2),
        mask_head=MaskRCNNHeads(32, (16,), 1),
        mask_predictor=MaskRCNNPredictor(16, 16, 5),
    )


def keypoint_rcnn() -> FasterRCNN:
    return _rcnn(
        KeypointRCNN,
        num_keypoints=None,
        keypoint_roi_pool=MultiScaleRoIAlign(["0", "1"], 7, 2),
        keypoint_head=KeypointRCNNHeads(32, (16,)),
        keypoint_predictor=KeypointRCNNPredictor(16, 3),
    )


def retinanet() -> RetinaNet:
    torch.manual_seed(0)
    anchors = AnchorGenerator(((16, 32),), ((0.5, 1.0, 2.0),))
    return RetinaNet(Backbone(), num_classes=5, min_size=96, max_size=128, anchor_generator=anchors)


def fcos() -> FCOS:
    torch.manual_seed(0)
    anchors = AnchorGenerator(((8,),), ((1.0,),))
    return FCOS(Backbone(), num_classes=5, min_size=96, max_size=128, anchor_generator=anchors)


def ssd() -> SSD:
    torch.manual_seed(0)
    boxes = DefaultBoxGenerator([[2], [2, 3]], scales=[0.2, 0.4, 0.6], steps=[8, 16])
    return SSD(Pyramid([32, 32]), boxes, (128, 96), num_classes=5)


ALL = (faster_rcnn, mask_rcnn, keypoint_rcnn, retinanet, fcos, ssd)
