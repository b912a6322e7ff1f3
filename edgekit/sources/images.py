"""The image contract as people have it: a text, JSON, a file, a config of timm or Hugging Face, or a torchvision transform.

Transforms are recognized by their names and attributes, so that this file imports neither torch nor torchvision.
"""

import json
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from edgekit.errors import UsageError, kind_of
from edgekit.format.schema import LABELS, MASK, ImageSpec
from edgekit.sources.processors import from_processor, inexpressible, is_processor

_MOST_PIXELS = 2**12  # of a side that a network takes
_INTERPOLATIONS = ("bilinear", "bicubic")
_FIELDS = ("resize", "crop", "mean", "std", "channels", "interpolation", "antialias")
_HELP = (
    "Expected resize=N[,crop=N],mean=A[,B,C],std=A[,B,C][,channels=1|3][,interpolation=bilinear|bicubic], the same as JSON, "
    "or a file with one of them. A classifier needs crop; for a mask, leave it out."
)
_CROP_PCT = 0.875  # timm's own default


def as_image(given: Any) -> ImageSpec:
    """The image contract of the Python API: an ImageSpec, a text, a data config, or a transform.

    Raises:
        UsageError: it is none of them, or it does something that `predict` cannot do; the message names the step.
    """
    if isinstance(given, ImageSpec):
        return given
    if isinstance(given, str | Path):
        return image_text(str(given))
    if isinstance(given, Mapping):
        return _from_fields(given, "image")
    if hasattr(given, "input_size") and hasattr(
        given, "mean"
    ):  # a config object, such as a timm model's pretrained_cfg
        names = ("input_size", "mean", "std", "interpolation", "crop_pct", "crop_mode")
        return _from_fields({name: getattr(given, name) for name in names if hasattr(given, name)}, "image")
    if hasattr(given, "image_mean") and hasattr(given, "to_dict"):  # an image processor of Hugging Face
        return _from_fields(given.to_dict(), "image")
    if callable(given):
        return _from_transform(given)
    raise UsageError(
        f"image is {kind_of(given)}; expected an ImageSpec, a torchvision transform, an image processor of "
        "Hugging Face, or a dict with timm's input_size, interpolation, mean, std and crop_pct."
    )


def image_text(text: str) -> ImageSpec:
    """Parses `--image`: fields with commas, JSON, or the name of a file with one of them.

    Raises:
        UsageError: it does not have the form in `_HELP`.
    """
    what = f"--image {text}"
    if "=" not in text.partition("{")[0] and "{" not in text:
        try:
            text = Path(text).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError, ValueError) as error:
            raise UsageError(
                f"{what} is neither a list of fields nor a file that can be read: {error}. {_HELP}"
            ) from error
    if not text.startswith("{"):
        return _from_fields(_split(text), what)
    try:
        fields = json.loads(text)
    except ValueError as error:
        raise UsageError(f"{what} is not valid JSON: {error}. {_HELP}") from error
    for inside in ("pretrained_cfg", "image_processor"):  # in a config.json of timm, and a processor_config.json
        fields = fields.get(inside, fields) if isinstance(fields, dict) else fields
    return _from_fields(fields, what)


def _split(text: str) -> dict[str, Any]:
    """The fields of a text; numbers of a list are separated by commas or slashes."""
    fields: dict[str, Any] = {}
    name = ""
    for part in text.split(","):
        key, equals, value = part.partition("=")
        if equals:
            name, fields[key.strip()] = key.strip(), value.strip()
        else:
            fields[name] = f"{fields.get(name, '')}/{part.strip()}"
    return {key: value.split("/") if "/" in value else value for key, value in fields.items()}


def _from_fields(fields: Any, what: str) -> ImageSpec:
    if not isinstance(fields, Mapping):
        raise UsageError(f"{what}: a {type(fields).__name__}. {_HELP}")
    if "input_size" in fields:
        fields = _from_timm(fields, what)
    elif is_processor(fields):
        fields = from_processor(fields)
    if unknown := sorted(set(map(str, fields)) - set(_FIELDS)):
        raise UsageError(f"{what}: unknown field {unknown[0]!r}. {_HELP}")
    try:
        channels = int(fields.get("channels", 3))
        spec = ImageSpec(
            resize=_whole(fields["resize"]),
            crop=_whole(fields.get("crop", fields["resize"])),
            task=LABELS if "crop" in fields else MASK,
            mean=_numbers(fields["mean"], channels),
            std=_numbers(fields["std"], channels),
            channels=channels,
            interpolation=str(fields.get("interpolation", "bilinear")),
            antialias=fields.get("antialias", True) not in (False, "false"),
        )
    except KeyError as error:
        raise UsageError(f"{what}: {error.args[0]} is missing. {_HELP}") from error
    except (ValueError, TypeError) as error:
        raise UsageError(f"{what}: {error}. {_HELP}") from error
    return _checked(spec, what)


def _checked(spec: ImageSpec, what: str) -> ImageSpec:
    sizes_fit = 0 < spec.resize <= _MOST_PIXELS and 0 < spec.crop <= _MOST_PIXELS and spec.channels in (1, 3)
    numbers_fit = all(map(math.isfinite, spec.mean + spec.std)) and min(spec.std) > 0.0
    if not (sizes_fit and numbers_fit) or spec.interpolation not in _INTERPOLATIONS:
        raise UsageError(f"{what}: a value is out of range. {_HELP}")
    return spec


def _whole(value: Any) -> int:
    number = int(value)
    if number != float(value):
        raise ValueError(f"{value} is not a whole number")
    return number


def _numbers(given: Any, count: int) -> tuple[float, ...]:
    parts = given if isinstance(given, Iterable) and not isinstance(given, str) else (given,)
    numbers = tuple(float(part) for part in parts)
    if len(numbers) == 1:
        return numbers * count
    if len(numbers) != count:
        raise ValueError(f"{'/'.join(map(str, parts))} has {len(numbers)} numbers for {count} channels")
    return numbers


def _from_timm(config: Mapping[str, Any], what: str) -> dict[str, Any]:
    """timm's data config as our fields: it resizes the shorter side to the size divided by `crop_pct`."""
    size = tuple(config["input_size"])
    if len(size) != 3 or size[1] != size[2]:
        raise UsageError(
            f"{what}: input_size {size} cannot be expressed; expected (channels, size, size) with equal sides."
        )
    mode = config.get("crop_mode") or "center"
    if mode != "center":
        raise UsageError(
            f"{what}: crop_mode {mode!r} cannot be expressed; predict keeps the sides' ratio and crops the center."
        )
    found = {
        "channels": size[0],
        "crop": size[1],
        "resize": math.floor(size[1] / float(config.get("crop_pct") or _CROP_PCT)),
        "interpolation": config.get("interpolation", "bilinear"),
        **{name: config[name] for name in ("mean", "std") if name in config},
    }
    if found["interpolation"] not in _INTERPOLATIONS:
        raise inexpressible(f"interpolation {found['interpolation']!r}", "predict has bilinear and bicubic")
    return found


def _from_transform(transform: Any) -> ImageSpec:
    preset = type(transform).__name__
    if preset in ("ImageClassification", "SemanticSegmentation"):  # of torchvision's weights; the latter crops nothing
        (resize,) = transform.resize_size
        crop = resize if preset == "SemanticSegmentation" else transform.crop_size[0]
        return _checked(
            ImageSpec(
                resize=resize,
                crop=crop,
                mean=tuple(transform.mean),
                std=tuple(transform.std),
                interpolation=_interpolation(transform),
                antialias=bool(transform.antialias),
                task=MASK if preset == "SemanticSegmentation" else LABELS,
            ),
            "image",
        )
    fields: dict[str, Any] = {"channels": 3}
    for step in _steps(transform):
        read = _STEPS.get(type(step).__name__)
        if read is None or not _is_known(step):
            raise inexpressible(
                _shown(step), "predict resizes, crops the center, scales to [0, 1] and normalizes, in this order"
            )
        read(step, fields)
    if "resize" not in fields:
        raise inexpressible("a transform without Resize", "predict needs the size to resize to")
    if not fields.pop("scaled", False):
        raise inexpressible("a transform without ToTensor", "predict scales the levels 0 to 255 to [0, 1]")
    return _from_fields({"mean": 0.0, "std": 1.0, **fields}, "image")


def _steps(transform: Any) -> Iterable[Any]:
    """The single transforms of a Compose or a Sequential, which may be nested."""
    inside = transform.transforms if hasattr(transform, "transforms") else None
    if inside is None and type(transform).__name__ == "Sequential":
        inside = list(transform)
    if inside is None:
        yield transform
    else:
        for step in inside:
            yield from _steps(step)


def _is_known(step: Any) -> bool:
    return type(step).__module__.startswith(("torchvision.transforms", "timm.data"))


def _shown(step: Any) -> str:
    """The name of a step. Its own text may have the address of a function."""
    return type(step).__name__ if _is_known(step) else getattr(step, "__name__", type(step).__name__)


def _interpolation(step: Any) -> str:
    name = str(getattr(step.interpolation, "value", step.interpolation))
    if name not in _INTERPOLATIONS:
        raise inexpressible(f"{_shown(step)} with interpolation {name}", "predict has bilinear and bicubic")
    return name


def _resize(step: Any, fields: dict[str, Any]) -> None:
    sizes = list(step.size) if isinstance(step.size, Iterable) else [step.size]
    if len(sizes) != 1 or sizes[0] is None or getattr(step, "max_size", None) is not None:
        raise inexpressible(
            f"Resize({step.size})",
            "predict resizes the shorter side and keeps the ratio, as Resize(N) with one number does",
        )
    if "resize" in fields or "crop" in fields or "mean" in fields:
        raise inexpressible("this order", "predict resizes once, before it crops and normalizes")
    fields |= {"resize": sizes[0], "interpolation": _interpolation(step), "antialias": bool(step.antialias)}


def _center_crop(step: Any, fields: dict[str, Any]) -> None:
    sizes = list(step.size) if isinstance(step.size, Iterable) else [step.size]
    if len(set(sizes)) != 1:
        raise inexpressible(f"CenterCrop({step.size})", "predict crops a square")
    if "crop" in fields:
        raise inexpressible("a second CenterCrop", "predict crops once")
    fields["crop"] = sizes[0]


def _normalize(step: Any, fields: dict[str, Any]) -> None:
    if "mean" in fields or not fields.get("scaled"):
        raise inexpressible("Normalize here", "predict normalizes once, after the levels are scaled to [0, 1]")
    fields |= {"mean": list(step.mean), "std": list(step.std)}


def _grayscale(step: Any, fields: dict[str, Any]) -> None:
    if step.num_output_channels != 1:
        raise inexpressible("Grayscale(3)", "predict gives one grey channel or three colours")
    fields["channels"] = 1


def _to_dtype(step: Any, fields: dict[str, Any]) -> None:
    dtype, scale = str(step.dtype), getattr(step, "scale", True)  # ConvertImageDtype always scales
    if dtype == "torch.float32" and scale:
        fields["scaled"] = True
    elif dtype != "torch.uint8":
        raise inexpressible(
            f"{_shown(step)} to {dtype}{'' if scale else ' without scale'}", "predict scales to float32 in [0, 1]"
        )


def _scaled(_: Any, fields: dict[str, Any]) -> None:
    fields["scaled"] = True


def _nothing(_: Any, __: dict[str, Any]) -> None:
    """The picture that `predict` gets is such a tensor already."""


_STEPS: dict[str, Callable[[Any, dict[str, Any]], None]] = {
    "Resize": _resize,
    "CenterCrop": _center_crop,
    "Normalize": _normalize,
    "Grayscale": _grayscale,
    "ToTensor": _scaled,
    "MaybeToTensor": _scaled,  # of timm
    "ToDtype": _to_dtype,
    "ConvertImageDtype": _to_dtype,
    **dict.fromkeys(("PILToTensor", "ToImage", "ToPureTensor", "Identity", "RGB"), _nothing),
}
