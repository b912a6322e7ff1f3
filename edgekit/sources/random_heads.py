"""Random weights for detectors, with which ten boxes or more come out of each picture, and stand apart.

As torchvision makes its heads, every anchor has almost the same score: rounding decides which boxes come out, or none does.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils._pytree import tree_map

from edgekit.sources.detection import Detector
from edgekit.sources.weights import randomize, seeded

_BOXES = 10
_LOWEST, _HIGHEST, _HALVINGS = -24.0, 8.0, 9  # of what is added to the logits of classes
_SIDE = 320  # of pictures
_SIDES = ("min_size", "max_size", "fixed_size")  # what a detector's transform knows of them
_LEAST = 0.2  # of the mean spread of all channels, for a channel that hardly varies
_PLACES = 4  # fewer say nothing about the spread
# Layers whose results do not depend on the biases of the scores.
_BEFORE_SCORES = ("backbone", "roi_heads.box_head", "head.classification_head.conv", "head.regression_head.conv")
_BESIDE_BOXES = ("mask_roi_pool", "keypoint_roi_pool")  # without them, the heads leave out masks and keypoints
_WEIGHTED = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Last:
    """The mean and the spread that the results of a last layer get. `scores` marks those that are the scores of classes."""

    mean: float = 0.0
    spread: float = 1.0
    scores: bool = False


_LAST = {
    "rpn.head.cls_logits": _Last(),
    "rpn.head.bbox_pred": _Last(spread=0.2),
    "roi_heads.box_predictor.cls_score": _Last(spread=2.0, scores=True),
    "roi_heads.box_predictor.bbox_pred": _Last(),
    "roi_heads.mask_predictor.mask_fcn_logits": _Last(spread=2.0),
    "roi_heads.keypoint_predictor.kps_score_lowres": _Last(spread=2.0),
    "head.classification_head.cls_logits": _Last(spread=2.0, scores=True),
    "head.classification_head.module_list": _Last(spread=2.0, scores=True),
    "head.regression_head.bbox_reg": _Last(spread=0.2),
    "head.regression_head.module_list": _Last(spread=0.5),
    "head.regression_head.bbox_ctrness": _Last(),
}
_DISTANCES = _Last(mean=1.0, spread=0.2)  # FCOS gives distances, of which negative ones become zero


class _OfBatch(nn.Module):
    """A detector with a batch as its input, as BatchNorm needs it for its statistics."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: torch.Tensor) -> Any:
        return self.model(list(images))


def randomize_detector(detector: Detector, pictures: Sequence[torch.Tensor], seed: int) -> None:
    """Makes random weights on which a wrong conversion gives other boxes in each of the pictures."""
    _draw_heads(detector, seed)
    with _small_pictures(detector.model):
        randomize(_OfBatch(detector.model), (pictures[0][None, :, :_SIDE, :_SIDE],), seed)
    _spread_scores(detector, pictures)


def _draw_heads(detector: Detector, seed: int) -> None:
    """Draws the layers after the backbone so that their results are about as large as what they take."""
    with seeded(seed), torch.no_grad():
        for name, part in detector.model.named_modules():
            if isinstance(part, _WEIGHTED) and not name.startswith("backbone"):
                nn.init.kaiming_normal_(part.weight)
                if part.bias is not None:
                    part.bias.normal_(std=0.1)


def _spread_scores(detector: Detector, pictures: Sequence[torch.Tensor]) -> None:
    """Scales the last layers, and moves the scores of classes so that in each picture ten boxes exceed the threshold."""
    layers = dict(_last_layers(detector.model))
    handles = [layer.register_forward_hook(_Standard(last)) for layer, last in layers.items()]
    with torch.no_grad():
        try:
            detector.heads(pictures[0])
        finally:
            for handle in handles:
                handle.remove()
        biases = [_of_objects(detector.model, layer) for layer, last in layers.items() if last.scores]
        low, high, added = _LOWEST, _HIGHEST, 0.0
        with _boxes_alone(detector.model), ExitStack() as stack:
            for part in _parts(detector.model, _BEFORE_SCORES):
                stack.enter_context(_remembering(part))
            for _ in range(_HALVINGS):
                middle = (low + high) / 2
                for bias in biases:
                    bias += middle - added
                added = middle
                enough = all(len(detector(picture)["boxes"]) >= _BOXES for picture in pictures)
                low, high = (low, middle) if enough else (middle, high)
        for bias in biases:
            bias += high - added


@contextmanager
def _small_pictures(model: Any) -> Iterator[None]:
    """Keeps small pictures from being resized: the statistics of random pixels are the same, and cost less."""
    transform = model.transform
    kept = {name: getattr(transform, name) for name in _SIDES if hasattr(transform, name)}
    for name, value in kept.items():
        if value is not None:
            small = tuple(min(side, _SIDE) for side in value) if isinstance(value, tuple | list) else min(value, _SIDE)
            setattr(transform, name, small)
    try:
        yield
    finally:
        for name, value in kept.items():
            setattr(transform, name, value)


@contextmanager
def _remembering(layer: nn.Module) -> Iterator[None]:
    """Runs a layer, whose weights do not change, a single time on each input."""
    forward, own = layer.forward, vars(layer).get("forward")
    known: list[tuple[torch.Tensor, Any]] = []

    def remembered(given: torch.Tensor) -> Any:
        for earlier, result in known:
            if torch.equal(earlier, given):
                return tree_map(torch.clone, result)  # a head may write to it
        known.append((given, forward(given)))
        return tree_map(torch.clone, known[-1][1])

    layer.forward = remembered
    try:
        yield
    finally:
        del layer.forward
        if own is not None:
            layer.forward = own


@contextmanager
def _boxes_alone(model: Any) -> Iterator[None]:
    """Leaves out the masks and keypoints of an R-CNN, which take most of the time if there are many boxes."""
    parts = {name: getattr(model.roi_heads, name) for name in _BESIDE_BOXES} if hasattr(model, "roi_heads") else {}
    for name in parts:
        setattr(model.roi_heads, name, None)
    try:
        yield
    finally:
        for name, part in parts.items():
            setattr(model.roi_heads, name, part)


class _Standard:
    """Gives the results of a layer the wanted mean and spread in each channel, by the first picture that it sees."""

    def __init__(self, last: _Last) -> None:
        self._last, self._done = last, False

    def __call__(self, layer: Any, _: Any, output: torch.Tensor) -> torch.Tensor | None:
        if self._done:
            return None
        self._done = True
        shape = [1, -1] + [1] * (output.dim() - 2)
        channels = output.transpose(0, 1).flatten(1)
        if channels.shape[1] < _PLACES:
            return None
        spread = channels.std(dim=1)
        spread = spread.clamp(min=max(_LEAST * float(spread.mean()), 1e-6))
        scale, mean = self._last.spread / spread, channels.mean(dim=1)
        weights = layer.weight.transpose(0, 1) if isinstance(layer, nn.ConvTranspose2d) else layer.weight
        weights.mul_(scale.view([-1] + [1] * (weights.dim() - 1)))
        layer.bias.copy_((layer.bias - mean) * scale + self._last.mean)
        return (output - mean.view(shape)) * scale.view(shape) + self._last.mean


def _parts(model: nn.Module, paths: Sequence[str]) -> Iterator[nn.Module]:
    """The parts of a model that are at these places."""
    for path in paths:
        with suppress(AttributeError):
            yield model.get_submodule(path)


def _last_layers(model: nn.Module) -> Iterator[tuple[nn.Module, _Last]]:
    for path, last in _LAST.items():
        part = next(_parts(model, (path,)), None)
        if part is None:
            continue
        if hasattr(model, "head") and hasattr(model.head, "regression_head") and path.endswith("bbox_reg"):
            last = _DISTANCES if hasattr(model.head.regression_head, "bbox_ctrness") else last
        for each in part if isinstance(part, nn.ModuleList) else (part,):
            yield [layer for layer in each.modules() if isinstance(layer, _WEIGHTED)][-1], last


def _of_objects(model: Any, layer: Any) -> torch.Tensor:
    """The biases of a layer of scores, without those of the background that some detectors have as their first class."""
    if hasattr(model, "rpn"):
        return layer.bias[1:]  # type: ignore[no-any-return]  # layers are Any
    head = model.head.classification_head
    if not hasattr(head, "module_list"):
        return layer.bias  # type: ignore[no-any-return]  # layers are Any
    return layer.bias.view(-1, head.num_columns)[:, 1:]  # type: ignore[no-any-return]  # layers are Any
