"""Models by name, with their pretrained weights, image contract and labels, and the list of the names."""

import difflib
import inspect
import logging
import re
import warnings
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from edgekit.engines import supported_engines
from edgekit.errors import SourceError, UsageError, first_line
from edgekit.format.schema import ImageSpec
from edgekit.sources.carried import CARRIED, from_carried
from edgekit.sources.detection import check_picture
from edgekit.sources.images import as_image
from edgekit.sources.inputs import InputSpec, parse_input
from edgekit.sources.source import SourceModel, SourceRequest, from_module
from edgekit.sources.weights import DownloadError, choose_named, download, load_state, seeded

_log = logging.getLogger(__name__)

FLOW = "optical flow"
_TASKS = {"quantization": "classification, quantized", "optical_flow": FLOW}  # by torchvision's folder
DETECTION = "detection"
_SEGMENTED = "1x3x256x256"  # the networks are fully convolutional, so edgekit declares a size
_DETECTED = 800  # the side to which most detectors resize a square picture; others have theirs in the name
_FRAMES = 16  # that every video network takes
_TWO_FRAMES = ("1x3x128x128",) * 2  # RAFT refuses smaller ones


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownModel:
    """A name for `export`. `inputs` are the inputs that `export` uses by default; empty if it needs `--input`."""

    name: str
    task: str
    inputs: tuple[str, ...]
    parameters: int


def known_models() -> list[KnownModel]:
    """The names with what their weights say, without torchvision's where it is not there. Nothing is built or downloaded."""
    found = [
        KnownModel(name=name, task="classification", inputs=(known.input,), parameters=known.parameters)
        for name, known in CARRIED.items()
    ]
    try:
        models = _torchvision("its models")
    except SourceError as error:
        _log.warning("%s", error)
        return found
    for name in models.list_models():
        weights = models.get_model_weights(name).DEFAULT
        shapes = _default_shapes(name, _image_of(weights)[0])
        found.append(KnownModel(name=name, task=_task(name), inputs=shapes, parameters=weights.meta["num_params"]))
    return found


def is_name(text: str) -> bool:
    """Whether there is a model of this name."""
    if text in CARRIED:
        return True
    if not re.fullmatch(r"\w+", text):
        return False
    try:
        return text in _torchvision(text).list_models()
    except SourceError:
        return False


def _torchvision(what: str) -> Any:
    """torchvision's models.

    Raises:
        SourceError: it is not installed, or does not load.
    """
    try:
        from torchvision import models
    except ModuleNotFoundError as error:
        raise SourceError(
            f"{what}: a name needs torchvision, which is not installed. Run pip install torchvision, or pass FILE.py:FACTORY."
        ) from error
    except (ImportError, OSError, RuntimeError) as error:
        raise SourceError(
            f"{what}: torchvision does not load beside torch {torch.__version__}: {first_line(error)}. Install the torchvision "
            "that belongs to this torch, from the same index, or pass FILE.py:FACTORY."
        ) from error
    return models


def _task(name: str) -> str:
    from torchvision import models

    folder = models.get_model_builder(name).__module__.removeprefix("torchvision.models.").split(".")
    return _TASKS.get(folder[0], folder[0].replace("_", " ")) if len(folder) > 1 else "classification"


def _default_shapes(name: str, image: ImageSpec | None) -> tuple[str, ...]:
    """The shapes of the inputs that `export` uses without `--input`; empty if there are none."""
    from torchvision import models

    task = _task(name)
    if task == "segmentation":
        return (_SEGMENTED,)
    if task == DETECTION:
        side = next((int(part) for part in re.findall(r"\d{3}", name)), _DETECTED)
        return (f"3x{side}x{side}",)
    if task == "video":
        height, width = models.get_model_weights(name).DEFAULT.transforms().crop_size
        return (f"1x3x{_FRAMES}x{height}x{width}",)
    if task == FLOW:
        return _TWO_FRAMES
    return () if image is None else (f"1x{image.channels}x{image.crop}x{image.crop}",)


def from_name(name: str, request: SourceRequest) -> SourceModel:
    """Builds one of torchvision's models, or one whose weights a package carries.

    Raises:
        UsageError: the name is unknown, or the inputs do not fit the signature.
        SourceError: torchvision, or the weights, are unavailable or damaged.
    """
    if name in CARRIED:
        return from_carried(name, request)
    models = _torchvision(name)
    names = models.list_models()
    if name not in names:
        near = difflib.get_close_matches(name.lower(), [*names, *CARRIED], n=4, cutoff=0.5)
        hint = f" Did you mean {', '.join(near)}?" if near else ""
        raise UsageError(
            f"unknown model {name!r}.{hint} `edgekit models` lists the names. For your own model, pass FILE.py:FACTORY."
        )
    is_detection = _task(name) == DETECTION
    if is_detection:
        check_picture(request.inputs or _image_inputs(None, name), name, request.image)
    available = models.get_model_weights(name)
    default = getattr(available, "DEFAULT", None)
    named = _named_weights(name, available, default, request)
    chosen = default if named is None else named[0]
    loads = named is not None and request.checkpoint is None
    side = _vit_side(name, chosen, request if named is None or named[1] is None else None)
    module = _build(name, request.seed, side, named[0] if named is not None and loads and is_detection else None)
    image, labels = _image_of(chosen)
    weights_request = replace(
        request,
        inputs=request.inputs or _image_inputs(request.image or image, name),
        weights="random" if named is None else None,
        image=request.image or image,
        labels=request.labels or labels,
    )
    if name.startswith("quantized_"):
        return _quantized(name, module, named, weights_request)
    if named is not None and loads and not is_detection:
        load_state(module, named[1], f"weights {named[0]}")
    result = from_module(module, name=name, source=f"torchvision:{name}", request=weights_request, default_kind="named")
    if named is not None and loads:
        result = replace(result, weights=replace(result.weights, name=named[0].name))
    return result


def _named_weights(name: str, available: Any, default: Any, request: SourceRequest) -> tuple[Any, Any] | None:
    """The member of the weights enum and its state dict, or None for random weights."""
    if request.checkpoint is not None:
        return (default, None)
    if request.weights == "random":
        return None
    asked = request.weights not in (None, "default")
    member = choose_named(str(request.weights), available) if asked else default
    try:
        return (member, download(member))
    except DownloadError as error:
        if asked or request.require_pretrained:
            raise
        _log.warning(
            "RANDOM WEIGHTS: the pretrained weights of %s are unavailable, so this export has random ones (seed %d) and its "
            "answers mean nothing. Reason: %s",
            name,
            request.seed,
            error,
        )
        return None


def _vit_side(name: str, weights: Any, request: SourceRequest | None) -> int | None:
    """The side of the pictures for which a vision transformer is built; None for other networks.

    Other weights of one name may be for other sizes. Without weights of torchvision, the user's input decides.
    """
    if not name.startswith("vit_"):
        return None
    if request is not None and request.inputs:
        return request.inputs[0].shape[-1]
    return None if weights is None else int(weights.meta["min_size"][0])


def _build(name: str, seed: int, side: int | None, weights: Any = None) -> nn.Module:
    """The network of a name. `weights` are for a detector, whose normalization layers are others with them."""
    from torchvision import models

    options: dict[str, Any] = {"quantize": False} if name.startswith("quantized_") else {"weights": weights}
    if "inception" in name or "googlenet" in name:
        options |= {"init_weights": False}  # the default takes half a minute, in scipy's truncated normal distribution
    if name in ("inception_v3", "googlenet"):
        options |= {"aux_logits": True, "transform_input": True}
    if side is not None:
        options |= {"image_size": side}
    if "weights_backbone" in inspect.signature(models.get_model_builder(name)).parameters:
        options |= {"weights_backbone": None}  # the default downloads them, whatever `weights` says
    with seeded(seed), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module: nn.Module = models.get_model(name, **options)
    return module.eval()


def _image_of(weights: Any) -> tuple[ImageSpec | None, tuple[str, ...]]:
    """The image contract and labels of a torchvision model, as its weights describe them. A detector has its own contract."""
    from torchvision.transforms._presets import ImageClassification, ObjectDetection, SemanticSegmentation

    transforms = weights.transforms() if weights is not None else None
    if isinstance(transforms, SemanticSegmentation):
        return replace(as_image(transforms), output="out"), tuple(weights.meta["categories"])
    if isinstance(transforms, ObjectDetection):
        return None, tuple(weights.meta["categories"])
    if not isinstance(transforms, ImageClassification):
        return None, ()
    return as_image(transforms), tuple(weights.meta["categories"])


def _image_inputs(image: ImageSpec | None, name: str) -> tuple[InputSpec, ...]:
    shapes = _default_shapes(name, image)
    if not shapes:
        raise UsageError(
            f"{name} has no default input. Add one --input for each of its inputs, for example --input 1x3x128x128."
        )
    values = {DETECTION: "", FLOW: ":float32[-1,1]"}.get(_task(name), ":float32[-2,2]")
    return tuple(parse_input(shape + values) for shape in shapes)


def _quantized(name: str, module: nn.Module, named: Any, request: SourceRequest) -> SourceModel:
    """A quantized torchvision model, either pretrained or calibrated and converted here from a float model."""
    from torch.ao.quantization import convert, get_default_qconfig, prepare
    from torchvision import models

    source = f"torchvision:{name}"
    if named is not None and request.checkpoint is None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = models.get_model(name, weights=named[0], quantize=True)
        result = from_module(module, name=name, source=source, request=request, default_kind="named")
        return replace(result, weights=replace(result.weights, name=named[0].name))
    if request.methods:
        raise UsageError(
            f"{name} is quantized at export, so only forward can be exported. Pass your own quantized model, or leave "
            "--method out."
        )
    draft = from_module(module, name=name, source=source, request=request)
    if request.quantized_engine is None and "qnnpack" in supported_engines():  # phones and ARM boards have this one
        torch.backends.quantized.engine = "qnnpack"
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        module.fuse_model(is_qat=False)  # type: ignore[operator]  # torchvision's quantizable models have it
        module.qconfig = get_default_qconfig(torch.backends.quantized.engine)
        prepared = prepare(module)
        for seed in range(1, 5):
            prepared(*draft.example(seed))
        return replace(draft, module=convert(prepared).eval())
