"""Preprocessing as Hugging Face's image processors have it: `preprocessor_config.json`, or the processor itself.

A setting that `predict` cannot follow is refused by its name.
"""

import logging
import math
import re
from collections.abc import Mapping
from typing import Any

from edgekit.errors import UsageError

_MARKS = ("image_mean", "do_resize", "image_processor_type", "feature_extractor_type")
_RESAMPLE = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic", 4: "box", 5: "hamming"}  # PIL's numbers
_KNOWN = ("resize", "center_crop", "rescale", "normalize", "convert_rgb", "reduce_labels")  # the last is of the labels
_PLAIN = ("Bit", "Blip", "CLIP", "Chameleon", "ChineseCLIP", "ConvNext", "DeiT", "MobileNetV1", "Pvt", "Siglip", "ViT")
_LEVELS = 255.0
_LARGE_CONVNEXT = 384  # from this size on, ConvNeXt's processor does not crop

_log = logging.getLogger(__name__)


def inexpressible(step: str, why: str) -> UsageError:
    """The error of a step that `predict` cannot do."""
    return UsageError(f"image: {step} cannot be expressed: {why}. Pass an ImageSpec, or export without an image.")


def is_processor(fields: Mapping[str, Any]) -> bool:
    """Whether these are the settings of an image processor."""
    return any(mark in fields for mark in _MARKS)


def from_processor(given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings as fields of the image contract.

    Raises:
        UsageError: `predict` cannot do one of them, or one is missing.
    """
    fields = {key: value for key, value in given.items() if value is not None}
    name = str(fields.get("image_processor_type") or fields.get("feature_extractor_type") or "")
    if name and re.sub(r"(ImageProcessor(Fast|Pil)?|FeatureExtractor)$", "", name) not in _PLAIN:
        raise inexpressible(
            name,
            "its settings may mean other steps than resizing the shorter side and cropping. If they do not, remove "
            "image_processor_type and feature_extractor_type from a copy of the file",
        )
    for key, value in fields.items():
        if key.startswith("do_") and value and key.removeprefix("do_") not in _KNOWN:
            raise inexpressible(f"{key}", "predict resizes, crops the center, scales and normalizes")
    if offset := next((key for key in ("rescale_offset", "include_top") if fields.get(key)), None):
        raise inexpressible(offset, "predict scales and normalizes once, without another step between")
    try:
        found: dict[str, Any] = {"interpolation": _interpolation(fields), **_sizes(fields, name), **_numbers(fields)}
    except (ValueError, TypeError) as error:
        raise UsageError(f"image: a setting of the image processor is malformed: {error}. Correct the file.") from error
    if "crop" in found:
        _log.warning(
            "image: where a side and the crop differ by 4 n + 3, predict crops one pixel further to the right or the bottom than "
            "Hugging Face's processor"
        )
    return found


def _interpolation(fields: Mapping[str, Any]) -> str:
    resample = _needed(fields, "resample", "2 for bilinear or 3 for bicubic")
    name = _RESAMPLE.get(resample, str(resample))
    if name not in ("bilinear", "bicubic"):
        raise inexpressible(f"resample {resample} ({name})", "predict has bilinear (2) and bicubic (3)")
    return name


def _sizes(fields: Mapping[str, Any], name: str) -> dict[str, int]:
    """What the shorter side is resized to, and the side of the crop if there is one."""
    if not fields.get("do_resize", True):
        raise inexpressible("do_resize false", "predict resizes the shorter side")
    size = _needed(fields, "size", 'such as {"shortest_edge": 256}')
    if not isinstance(size, Mapping):
        raise inexpressible(
            f"size {size}",
            "some processors resize the shorter side to one number and others both sides. Write size as "
            '{"shortest_edge": N} if it is the shorter side',
        )
    given = {key: value for key, value in size.items() if value is not None}
    if set(given) != {"shortest_edge"}:
        raise inexpressible(
            f"size {given}", "predict resizes the shorter side and keeps the ratio, as shortest_edge alone does"
        )
    side = int(given["shortest_edge"])
    if "crop_pct" in fields:
        return _convnext(side, float(fields["crop_pct"]), name)
    if "do_center_crop" not in fields and "crop_size" in fields:
        raise UsageError("image: do_center_crop is missing beside crop_size; expected true or false. Add it.")
    if not fields.get("do_center_crop", False):
        return {"resize": side}
    crop = _needed(fields, "crop_size", 'such as {"height": 224, "width": 224}')
    sides = {int(value) for value in (crop.values() if isinstance(crop, Mapping) else [crop])}
    if len(sides) != 1:
        raise inexpressible(f"crop_size {crop}", "predict crops a square")
    return {"resize": side, "crop": sides.pop()}


def _convnext(side: int, share: float, name: str) -> dict[str, int]:
    """ConvNeXt's processor resizes to the size divided by `crop_pct`, and crops to the size."""
    if not name.startswith("ConvNext"):
        raise inexpressible(f"crop_pct of {name or 'an unknown processor'}", "processors differ in what it means")
    if side >= _LARGE_CONVNEXT:
        raise inexpressible(f"ConvNeXt's size of {side}", "its processor changes the ratio from 384 on")
    return {"resize": int(side / share), "crop": side}


def _numbers(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Mean and std for levels in [0, 1], from those for levels that are scaled by another factor, or not at all."""
    factor = float(fields.get("rescale_factor", 1.0 / _LEVELS)) if fields.get("do_rescale", True) else 1.0
    if not (math.isfinite(factor) and factor > 0.0):
        raise UsageError(f"image: rescale_factor is {factor:g}; expected a number above 0, usually 1/255.")
    scale = 1.0 if math.isclose(_LEVELS * factor, 1.0, rel_tol=1e-6) else _LEVELS * factor
    if not fields.get("do_normalize", True):
        return {"mean": [0.0], "std": [1.0 / scale]}
    mean = _needed(fields, "image_mean", "one number for each channel")
    std = _needed(fields, "image_std", "one number for each channel")
    mean, std = (list(each) if isinstance(each, list | tuple) else [each] for each in (mean, std))
    return {
        "channels": max(len(mean), len(std)) if max(len(mean), len(std)) > 1 else 3,
        "mean": [float(number) / scale for number in mean],
        "std": [float(number) / scale for number in std],
    }


def _needed(fields: Mapping[str, Any], key: str, example: str) -> Any:
    if key not in fields:
        raise UsageError(f"image: {key} is missing in the settings of the image processor; expected {example}. Add it.")
    return fields[key]
